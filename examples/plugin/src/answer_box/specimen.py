"""What the server says, for the conformance kit."""

import json

from xmc.plugins import Failure, Sample, Slot, Specimen
from xmc.schema import Task

WORDS = {"read": 3, "written": 4}
LINES = ({"piece": "Because "}, {"piece": "it is blå."}, {"end": {"cut": False, "words": WORDS}})

SPECIMENS = (
    Specimen(
        "answer-box",
        {"url": "https://box.example", "key_id": "reader", "secret": Slot("kit/secret")},
        (
            Sample(
                Task.CHAT,
                {"messages": [{"role": "user", "content": "Why is it so?"}]},
                (json.dumps({"answer": "Because it is blå.", "cut": False, "words": WORDS}).encode(),),
                "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in LINES).encode(),
                "box-1",
            ),
            Sample(
                Task.EMBEDDINGS,
                {"input": ["one", "two words"]},
                (b'{"vector": [0.5, 1.0], "words": 1}', b'{"vector": [0.25, 2.0], "words": 2}'),
                None,
                "box-1",
            ),
        ),
        (
            Failure(400, b'{"problem": "the question is empty"}', "the question is empty"),
            Failure(401, b'{"problem": "wrong signature"}', ""),
            Failure(429, b'{"problem": "too many questions"}', "too many questions"),
        ),
    ),
)
