# SPDX-License-Identifier: Apache-2.0
"""Tokens of this user, in huggingface_hub's own files: the active one, and the stored ones by name.

The Hub is asked through hubd, once, when a token is to be stored. Tokens appear in no message and no log.
"""
from __future__ import annotations

import logging
import os
import sys
import tempfile
from typing import Any, Dict, Optional

from hubd import _env

_log = logging.getLogger("hubd")


def get_token() -> Optional[str]:
    """The token that calls use: HF_TOKEN, else the token file. None: there is none."""
    return _env.token()


def login(token: Optional[str] = None, *, add_to_git_credential: bool = False, skip_if_logged_in: bool = True) -> None:
    """Checks a token with the Hub, stores it and makes it the active one. Without one, asks for it on a terminal.

    Raises HfHubHTTPError for a token that the Hub does not know.
    """
    if token is None:
        if skip_if_logged_in and get_token() is not None:
            print("Already logged in: a token is set.")
            return
        token = _typed()
    from hubd import _steps

    _steps.run(login_steps(token, add_to_git_credential))


def login_steps(token: str, add_to_git_credential: bool = False):
    if token.startswith("api_org"):
        raise ValueError("An organization's token cannot log in: use a personal one.")
    from hubd import _request, _rest

    answer = yield from _rest.invoke(_request.caller(token=token), "/api/whoami-v2", max_age=_rest.ASK_THE_HUB)
    found = answer.json()
    described = (found.get("auth") or {}).get("accessToken") or {}
    name = described.get("displayName") or "oauth-%s" % found.get("name", "token")
    stored = _read_stored()
    stored[name] = dict(stored.get(name, {}), hf_token=token)
    _write_stored(stored)
    _write_secret(_env.token_path(), token)
    if add_to_git_credential:
        _git_credential("approve", token)
    if os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN"):
        _log.warning("The environment's HF_TOKEN goes before the token that was just stored.")
    _log.info("Token %s is stored in %s and active.", name, _env.token_path())


def logout(token_name: Optional[str] = None) -> None:
    """Forgets one stored token, or all and the active one. Raises OSError when the environment still holds one."""
    stored = _read_stored()
    active = _file_token()
    if active is None and not stored and get_token() is None:
        _log.warning("Not logged in.")
        return
    if not token_name:
        for path in (_env.token_path(), _stored_path()):
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass
        gone = active
    else:
        fields = stored.pop(token_name, None)
        if fields is None:
            return
        _write_stored(stored)
        gone = fields.get("hf_token")
        if gone == active and active is not None:
            _log.warning("The active token %s was deleted.", token_name)
            os.unlink(_env.token_path())
    if gone:
        _git_credential("reject", gone)
    if os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN"):
        raise OSError("The stored token is gone, but HF_TOKEN or HUGGING_FACE_HUB_TOKEN still holds one: unset it.")


def auth_switch(token_name: str, add_to_git_credential: bool = False) -> None:
    """Makes a stored token the active one. Raises ValueError for an unknown name."""
    token = _read_stored().get(token_name, {}).get("hf_token")
    if not token:
        raise ValueError("There is no token %s in %s" % (token_name, _stored_path()))
    _write_secret(_env.token_path(), token)
    if add_to_git_credential:
        _git_credential("approve", token)
    if get_token() != token:
        _log.warning("The environment's HF_TOKEN goes before the token that was just made active.")


def auth_list() -> None:
    """Prints the stored tokens, masked; the active one has an asterisk."""
    stored = _read_stored()
    if not stored:
        _log.warning("No stored tokens.")
        return
    active = get_token()
    rows = [(" ", "name", "token")]
    for name, fields in stored.items():
        token = fields.get("hf_token", "")
        rows.append(("*" if token == active else " ", name, token[:3] + "****" + token[-4:] if token else "<not set>"))
    width = max(len(row[1]) for row in rows)
    for number, (mark, name, token) in enumerate(rows):
        print("%s %s %s" % (mark, name.ljust(width), token))
        if number == 0:
            print("- %s %s" % ("-" * width, "-" * 11))


def _typed() -> str:
    if not sys.stdin or not sys.stdin.isatty():
        raise ValueError("login() needs a token: there is no terminal to type one on.")
    import getpass

    token = _env.clean_token(getpass.getpass("Token (from %s/settings/tokens): " % _env.endpoint()))
    if token is None:
        raise ValueError("No token was typed.")
    return token


def _stored_path() -> str:
    return os.path.join(os.path.dirname(_env.token_path()), "stored_tokens")


def _file_token() -> Optional[str]:
    try:
        with open(_env.token_path(), encoding="utf-8") as file:
            return _env.clean_token(file.read(1 << 16))
    except (OSError, ValueError):
        return None


def _read_stored() -> Dict[str, Dict[str, str]]:
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(_stored_path(), encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        _log.warning("%s cannot be read: %s", _stored_path(), error)
        return {}
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _write_stored(tokens: Dict[str, Dict[str, str]]) -> None:
    import configparser
    import io

    parser = configparser.ConfigParser(interpolation=None)
    for name in sorted(tokens):
        parser[name] = tokens[name]
    text = io.StringIO()
    parser.write(text)
    _write_secret(_stored_path(), text.getvalue())


def _write_secret(path: str, text: str) -> None:
    """Whole or not at all, readable by this user only."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".token-")  # 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _git_credential(action: str, token: str) -> None:
    """Tells git's configured helpers; does nothing without git."""
    import subprocess

    text = "url=%s\nusername=hf_user\npassword=%s\n\n" % (_env.endpoint(), token)
    command: Any = ["git", "credential", action]
    try:
        subprocess.run(command, input=text.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20,
                       env=dict(os.environ, GIT_TERMINAL_PROMPT="0"), check=False)
    except (OSError, subprocess.TimeoutExpired):
        if action == "approve":
            _log.warning("git took no credential.")
