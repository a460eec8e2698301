import pytest

from xmc.plugins.openai_family import BaseUrlError, compose_url
from xmc.schema import Task


@pytest.mark.parametrize(
    ("base", "task", "version", "url"),
    [
        ("https://host/v1", Task.CHAT, None, "https://host/v1/chat/completions"),
        ("https://host/v1/", Task.CHAT, None, "https://host/v1/chat/completions"),
        ("https://host/v1//", Task.EMBEDDINGS, None, "https://host/v1/embeddings"),
        ("https://host", Task.COMPLETIONS, None, "https://host/completions"),
        ("https://host/api/v4", Task.CHAT, None, "https://host/api/v4/chat/completions"),
        ("https://host/v1/chat/completions", Task.CHAT, None, "https://host/v1/chat/completions"),
        ("https://host/v1/chat/completions/", Task.CHAT, None, "https://host/v1/chat/completions"),
        ("https://host/mychat/completions", Task.COMPLETIONS, None, "https://host/mychat/completions"),
        ("https://host/v1?tenant=7", Task.CHAT, None, "https://host/v1/chat/completions?tenant=7"),
        ("https://host/v1", Task.CHAT, "2024-10-21", "https://host/v1/chat/completions?api-version=2024-10-21"),
        ("https://host?api-version=1&a=b", Task.CHAT, "2", "https://host/chat/completions?a=b&api-version=2"),
        ("https://host?api-version=1", Task.CHAT, None, "https://host/chat/completions?api-version=1"),
        ("HTTP://Host.Test:8080/v1", Task.CHAT, None, "http://host.test:8080/v1/chat/completions"),
        ("http://[::1]:9/v1", Task.CHAT, None, "http://[::1]:9/v1/chat/completions"),
        ("https://bücher.test/ä", Task.CHAT, None, "https://xn--bcher-kva.test/%C3%A4/chat/completions"),
        ("https://host/a%20b", Task.CHAT, None, "https://host/a%20b/chat/completions"),
    ],
)
def test_38_compose(base: str, task: Task, version: str | None, url: str) -> None:
    assert compose_url(base, task, version) == url


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("", "is no URL"),
        ("https://host/a b", "white space"),
        ("https://host/\n", "white space"),
        ("host/v1", "no absolute"),
        ("ftp://host", "no absolute"),
        ("https:///v1", "no absolute"),
        ("https://host:99999/", "is no URL"),
        ("https://host/#top", "fragment"),
        ("https://host/%zz", "no escape"),
        ("https://host/v1/chat/completions", "path of another task"),
        ("https://host/v1/embeddings", "path of another task"),
        ("https://" + "ö" * 70 + ".test", "no host name"),
    ],
)
def test_what_is_no_base(base: str, message: str) -> None:
    with pytest.raises(BaseUrlError, match=message) as failure:
        compose_url(base, Task.COMPLETIONS)
    assert failure.value.hint


@pytest.mark.parametrize(
    "base",
    [
        "https://user:canary-9@host/v1",
        "https://canary-9@host/v1",
        "ftp://user:canary-9@host/v1",
        "https://user:canary-9@host:99999/v1",
        "https://host/v1?key=canary-9",
        "https://host/v1?a=b&subscription-key=canary-9",
        "https://host/v1?ACCESS_TOKEN=canary-9",
        "https://host:99999/v1?sig=canary-9",
    ],
)
def test_credentials_in_a_url_are_refused_and_not_repeated(base: str) -> None:
    with pytest.raises(BaseUrlError) as failure:
        compose_url(base, Task.CHAT)
    assert "canary-9" not in f"{failure.value} {failure.value.hint}"
