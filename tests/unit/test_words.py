"""What README and docs show is what is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_readmes_example_is_the_file_it_names() -> None:
    readme = (ROOT / "README.md").read_text()
    shown = re.search(r"```js\n(.*?)```", readme, re.DOTALL)
    assert shown is not None
    example = (ROOT / "examples" / "quickstart.mjs").read_text().splitlines(keepends=True)
    code = "".join(line for line in example if not line.startswith("//")).lstrip("\n")
    assert shown.group(1) == code
    assert len(code.splitlines()) <= 15


def test_every_page_and_file_that_a_page_links_to_is_there() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
    missing = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))
        if not target.startswith("http") and not (page.parent / target).exists()
    ]
    assert missing == []
