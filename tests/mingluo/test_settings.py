"""Settings: sources, precedence, and errors that name the fault."""

from pathlib import Path

import pytest

from mingluo.settings import Settings, SettingsError, describe_settings, host_port, load_settings

DOCS = Path(__file__).parents[2] / "docs"


def test_defaults_listen_on_this_machine_only() -> None:
    settings = load_settings()
    assert host_port(settings.http)[0] == "127.0.0.1"
    assert host_port(settings.mqtt)[0] == "127.0.0.1"


def test_command_line_wins_over_environment_wins_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "mingluo.toml"
    config.write_text('http = "127.0.0.1:1"\nmqtt = "127.0.0.1:2"\nfuture_s = 3\n')
    monkeypatch.setenv("MINGLUO_MQTT", "127.0.0.1:20")
    monkeypatch.setenv("MINGLUO_HTTP", "127.0.0.1:10")
    settings = load_settings(config, http="127.0.0.1:100")
    assert (settings.http, settings.mqtt, settings.future_s) == ("127.0.0.1:100", "127.0.0.1:20", 3)


def test_every_fault_is_named(tmp_path: Path) -> None:
    config = tmp_path / "mingluo.toml"
    config.write_text("snapshot_every_s = -1\nhtpp = 5\n[[webhook]]\nname = 'x'\nurl = 'ftp://x'\nsecret = 'short'\n")
    with pytest.raises(SettingsError) as fault:
        load_settings(config)
    message = str(fault.value)
    for field in ("snapshot_every_s", "htpp", "webhook.0.url", "webhook.0.secret"):
        assert field in message


def test_a_file_that_is_not_toml_is_refused_with_its_place(tmp_path: Path) -> None:
    config = tmp_path / "mingluo.toml"
    config.write_text("http = \n")
    with pytest.raises(SettingsError, match="line 1"):
        load_settings(config)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load_settings(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), (":80", ("127.0.0.1", 80)), ("[::1]:9", ("::1", 9))],
)
def test_host_and_port(text: str, expected: tuple[str, int]) -> None:
    assert host_port(text) == expected


@pytest.mark.parametrize("text", ["8080", "host", "host:x", "host:70000", ""])
def test_wrong_host_and_port(text: str) -> None:
    with pytest.raises(SettingsError, match="expected HOST:PORT"):
        host_port(text)


def test_the_page_of_settings_is_current() -> None:
    assert (DOCS / "settings.md").read_text() == describe_settings(), "run: mingluo settings > docs/settings.md"


def test_every_setting_says_what_it_does() -> None:
    assert all(field.description for field in Settings.model_fields.values())
