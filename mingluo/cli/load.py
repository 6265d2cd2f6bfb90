"""Files that commands read, with every fault told at once."""

from collections.abc import Collection
from pathlib import Path

from community.estate import Estate
from community.estate_file import EstateErrors, load_estate
from gateway.decoding.loader import ProfileErrors
from gateway.decoding.registry import Profiles
from mingluo.cli.io import read_text, refuse
from mingluo.settings import Settings, SettingsError, load_settings
from rules.rulebook import Rulebook, RulebookErrors, load_rulebook, standard_rulebook


def load_estate_file(path: Path, profiles: Collection[str] | None = None) -> Estate:
    """The estate in `path`; ends the command with every error if it is wrong.

    With `profiles`, the names of those that there are, also if anybody has none of them.
    """
    try:
        return load_estate(read_text(path), str(path), profiles)
    except EstateErrors as errors:
        refuse(*errors.errors)


def load_rulebook_file(path: Path | None) -> Rulebook:
    """The rulebook in `path`, or the standard pack; ends the command with every error if it is wrong."""
    if path is None:
        return standard_rulebook()
    try:
        return load_rulebook(read_text(path), str(path))
    except RulebookErrors as errors:
        refuse(*errors.errors)


def load_profiles(folder: Path | None) -> Profiles:
    """The profiles that are shipped and those in `folder`; ends the command with every error if one is wrong."""
    if folder is not None and not folder.is_dir():
        refuse(f"{folder}: no such folder")
    try:
        return Profiles(folder)
    except ProfileErrors as errors:
        refuse(*errors.errors)
    except (OSError, UnicodeDecodeError) as error:
        refuse(error)


def read_settings(config: Path | None, **given: object) -> Settings:
    """The settings in force; ends the command with every error if they are wrong."""
    try:
        return load_settings(config, **given)
    except SettingsError as error:
        refuse(*str(error).splitlines())
