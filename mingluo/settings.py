"""Settings: what an operator may decide, from the command line, the environment (`MINGLUO_...`) or `mingluo.toml`.

The first of these that names a setting wins. `docs/settings.md` is generated from this file (`mingluo settings`).
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, UrlConstraints, ValidationError
from pydantic_core import Url
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

MqttUrl = Annotated[Url, UrlConstraints(allowed_schemes=["mqtt", "mqtts"], host_required=True)]


class SettingsError(Exception):
    """The settings contradict themselves or cannot be read; the message names each fault."""


class Webhook(BaseModel):
    """A notification channel: events are posted to `url`, signed with `secret` (HMAC-SHA256)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9_-]{1,32}$")
    url: HttpUrl
    secret: str = Field(min_length=16, repr=False)


class Settings(BaseSettings):
    """Everything that can be set, with defaults for a laptop."""

    model_config = SettingsConfigDict(env_prefix="MINGLUO_", env_nested_delimiter="__", extra="forbid", frozen=True)

    data_dir: Path = Field(default=Path("data"), description="Where the log, the database and the keys are kept.")
    http: str = Field(default="127.0.0.1:8080", description="Address and port of the API and console.")
    mqtt: str = Field(
        default="127.0.0.1:1883",
        description="Address and port on which devices connect. Any address but localhost opens it to the network.",
    )
    database_url: str | None = Field(
        default=None, description="SQLAlchemy URL; by default SQLite in the data directory."
    )

    mqtt_url: MqttUrl | None = Field(
        default=None,
        description="An external MQTT broker (mqtt:// or mqtts://user:password@host:port) instead of the embedded one.",
    )
    mqtt_ca: Path | None = Field(default=None, description="CA certificate (PEM) that the external broker must show.")
    mqtt_certificate: Path | None = Field(
        default=None,
        description="Client certificate (PEM) for the external broker, or for the embedded one if it asks for them.",
    )
    mqtt_key: Path | None = Field(default=None, description="Key (PEM) of the client certificate.")

    mqtt_tls_certificate: Path | None = Field(
        default=None,
        description="Certificate (PEM, with its chain) of the embedded broker: devices then connect by TLS only.",
    )
    mqtt_tls_key: Path | None = Field(default=None, description="Its key (PEM), if not in the same file.")
    mqtt_tls_client_ca: Path | None = Field(
        default=None,
        description="CA certificates (PEM): whoever connects to the embedded broker must show a certificate of one of "
        "them besides its password, we too (`mqtt_certificate`).",
    )

    gb26875_listen: str | None = Field(
        default=None,
        description="Address and port on which transmission units of GB/T 26875.3 connect (TCP). The protocol knows no "
        "passwords: open it to their network only.",
    )
    gb26875_dialects: Path | None = Field(
        default=None,
        description="How those units depart from the standard (TOML); by default `gateway/gb26875/dialects.toml`.",
    )

    log_sync_s: float = Field(
        default=1.0,
        ge=0,
        description="The log is forced to disk this often, s; 0: at every write. A killed process loses nothing either "
        "way; a power cut may lose this much.",
    )
    log_max_age_d: float = Field(default=30, gt=0, description="Readings older than this leave the log, days.")
    log_max_bytes: int = Field(
        default=16 * 2**30, ge=2**26, description="Size of the log on disk at which it takes no more, bytes."
    )
    history: Literal["duckdb", "influxdb", "victoriametrics", "none"] = Field(
        default="duckdb",
        description="Where readings are kept for later questions: embedded, in a server at `history_url`, or nowhere.",
    )
    history_url: HttpUrl | None = Field(
        default=None, description="The server of an InfluxDB 2 or VictoriaMetrics, e.g. http://influx.example:8086."
    )
    history_token: str | None = Field(default=None, repr=False, description="API token for that server.")
    history_org: str = Field(default="mingluo", description="Organisation in InfluxDB.")
    history_bucket: str = Field(
        default="mingluo",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Beginning of the names of the buckets in InfluxDB (`mingluo history init` makes them).",
    )
    history_raw_d: float = Field(default=30, gt=0, description="Single readings stay in the history this long, days.")
    history_minute_d: float = Field(
        default=365, gt=0, description="Roll-ups of a minute stay this long, days; those of an hour for ever."
    )
    history_max_bytes: int = Field(
        default=16 * 2**30,
        ge=2**26,
        description="Size of the embedded history at which its oldest single readings go early, then the oldest "
        "minutes, bytes. Alerts are not kept there, and stay.",
    )
    history_min_free_bytes: int = Field(
        default=2**30,
        ge=0,
        description="With less free space on its disk the embedded history takes nothing more in, bytes.",
    )

    rules: Path | None = Field(
        default=None,
        description="A rulebook (TOML) to start with instead of the standard pack. What is applied later "
        "(`mingluo rules apply`) stays in force over restarts, until this file changes.",
    )
    rehearsal_max_age_d: float = Field(
        default=90, gt=0, description="What rules in rehearsal found is kept this long, days."
    )
    snapshot_every_s: float = Field(
        default=30, gt=0, description="How often the engine's state is saved, s: the most that a restart re-reads."
    )

    profiles_dir: Path | None = Field(
        default=None,
        description="Folder with a community's own device profiles (*.toml); one with a shipped name replaces it.",
    )
    listen_profiles: tuple[str, ...] = Field(
        default=(),
        description="Profiles listened to besides those of the estate's devices, so that new devices can announce "
        'themselves, e.g. ["homeassistant"].',
    )

    too_old_s: float = Field(
        default=7 * 86_400,
        gt=0,
        description="A device's time further back than this is not believed, s: the receipt counts, and it is noted.",
    )
    future_s: float = Field(
        default=60, ge=0, description="A device's time further ahead of ours is not believed either, s."
    )
    device_rate: float = Field(
        default=20, gt=0, description="Messages a second that a device may send for ever; ten times that with events."
    )
    device_burst: int = Field(
        default=10_000, ge=10, description="Messages that it may send at once, as after an outage."
    )
    max_message_bytes: int = Field(default=65_536, ge=1_024, description="Larger messages are refused.")

    session_idle_h: float = Field(default=12, gt=0, description="A session ends after this long without use, hours.")
    webhook: tuple[Webhook, ...] = Field(
        default=(), description="Channels of notification: [[webhook]] name, url, secret."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, then environment, then file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'mingluo.db'}"


def load_settings(config: Path | None = None, **given: Any) -> Settings:
    """Read the settings; `given` are those of the command line (None means not given).

    Raises:
        SettingsError: with every fault, a line each.
    """
    if config is not None and not config.is_file():
        raise SettingsError(f"{config}: no such file")

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=config)

    try:
        return FromFile(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as errors:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']} (got {e['input']!r})" for e in errors.errors()]
        raise SettingsError("\n".join(lines)) from None
    except ValueError as error:  # tomllib's own, which names line and column
        raise SettingsError(f"{config}: {error}") from None


def host_port(text: str) -> tuple[str, int]:
    """Split `127.0.0.1:8080`, `[::1]:8080` or `:8080` (localhost).

    Raises:
        SettingsError: if it is not host:port.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65_535:
        raise SettingsError(f"{text!r}: expected HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def describe_settings() -> str:
    """The settings as a Markdown page (docs/settings.md)."""
    rows = [
        f"| `{name}` | `MINGLUO_{name.upper()}` | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "Written by `mingluo settings`. A setting comes from the command line (`--http`), else from the",
            "environment, else from the TOML file named by `--config`.",
            "",
            "| setting | environment | default | what it does |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _default(value: object) -> str:
    return "none" if value is None or value == () else f"`{value}`"


def url_host(text: str) -> str:
    """The host of HOST:PORT as it stands in a URL that a person on this machine can open."""
    host, _ = host_port(text)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host
