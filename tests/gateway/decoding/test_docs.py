"""The pages of the profiles are current, and show all that there is."""

from gateway.decoding.docs import FOLDER, pages
from gateway.decoding.registry import shipped


def test_every_page_is_current() -> None:
    written = {file.name: file.read_text("utf-8") for file in FOLDER.glob("*.md") if file.name != "homeassistant.md"}
    assert written == pages(), "run `python -m gateway.decoding.docs`"


def test_every_profile_has_its_page() -> None:
    made = pages()
    for name, _ in shipped():
        assert f"`{name}`" in made["README.md"]
        assert "## Examples" in made[f"{name}.md"]
