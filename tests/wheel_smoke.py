"""Build the wheel and use it as a stranger would: in an environment that has nothing else; `make wheel` runs this.

The environment gets the locked packages of `requirements/base.txt`, as production would.
"""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("schema", "plugins", "compiler", "runtime", "cli")


def run(*command: str | Path, cwd: Path | None = None, environ: dict[str, str] | None = None) -> str:
    """Run a command and return its stdout; a failure shows its whole output."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def say(text: str) -> None:
    """Print one step."""
    print(f"wheel: {text}", flush=True)  # noqa: T201 - this program's output


def build(folder: Path) -> Path:
    """Build wheel and sdist into the folder with the locked build tools; return the wheel."""
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    wheel = next(folder.glob("*.whl"))
    say(f"built {wheel.name}")
    return wheel


def check_content(wheel: Path) -> None:
    """Every file of the rooms is inside: code, JSON and `py.typed`; and the pages of codes. Nothing else."""
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT / room))
        for room in ROOMS
        for path in (ROOT / room / "xmc").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wanted |= {f"xmc/compiler/errors/{path.name}" for path in (ROOT / "docs" / "errors").iterdir()}
    missing = wanted - inside
    extra = {name for name in inside - wanted if ".dist-info/" not in name}
    if missing or extra:
        sys.exit(f"wheel: missing {sorted(missing)}, unexpected {sorted(extra)}")
    say(f"holds all {len(wanted)} files of the rooms")


def install(wheel: Path, folder: Path) -> Path:
    """Make an environment with the locked base packages and the wheel; return its programs' folder."""
    run(sys.executable, "-m", "venv", folder)
    pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q", "install"]
    run(*pip, "--require-hashes", "--only-binary", ":all:", "-r", ROOT / "requirements" / "base.txt")
    run(*pip, "--no-deps", "--no-index", wheel)
    run(*pip[:-2], "check")
    say("installed it beside the locked base packages only")
    return folder / "bin"


def use(programs: Path, folder: Path) -> None:
    """Compile an example with the installed command, away from the tree, and see that both halves load."""
    version = run(programs / "xmc", "--version", cwd=folder).strip()
    table = folder / "openai.xmc.json"
    spec = ROOT / "examples" / "openai.yaml"
    run(programs / "xmc", "compile", spec, "-o", table, cwd=folder, environ={"OPENAI_API_KEY": "none"})
    endpoints = [endpoint["name"] for endpoint in json.loads(table.read_bytes())["endpoints"]]
    if endpoints != ["gpt", "gpt-trial"]:
        sys.exit(f"wheel: the table holds {endpoints}")
    if not run(programs / "xmc", "explain", "XMC303", cwd=folder).startswith("# XMC303"):
        sys.exit("wheel: `xmc explain` does not find its pages")
    run(programs / "xmc", "serve", "--help", cwd=folder)
    run(programs / "python", "-c", "import xmc.runtime.server", cwd=folder)
    say(f"{version}: compiled {spec.name}")


def main() -> None:
    """Build, look inside, install, use."""
    with tempfile.TemporaryDirectory(prefix="xmc-wheel-") as name:
        folder = Path(name)
        wheel = build(folder / "dist")
        check_content(wheel)
        use(install(wheel, folder / "venv"), folder)


if __name__ == "__main__":
    main()
