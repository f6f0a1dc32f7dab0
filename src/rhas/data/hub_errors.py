"""What went wrong between this machine and the Hugging Face Hub, as messages.

Connection errors are told by the names of their classes: huggingface_hub's HTTP client has changed
from version to version, its classes' names have not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from rhas.base.errors import RhasError

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")
_AGAIN = "the same command goes on from here"


def explain_hub_error(error: Exception, repository: str) -> RhasError | None:
    """An error that a user can act on; None for a bug or a full disk."""
    page = f"{constants.ENDPOINT}/{repository}"
    if isinstance(error, OfflineModeIsEnabled):
        return _describe("downloads are switched off", repository, error,
                         "unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE")  # fmt: skip
    if isinstance(error, HFValidationError):
        return _describe("not the name of a repository", repository, error,
                         "give ORGANISATION/NAME, as in the address of its page")  # fmt: skip
    if isinstance(error, GatedRepoError):
        return _describe("the repository asks for consent to its conditions", repository, error,
                         f"accept them at {page}, then `hf auth login`")  # fmt: skip
    if isinstance(error, RevisionNotFoundError):
        return _describe("no such revision", repository, error,
                         f"see {page}/tree/main; a recorded commit that is gone: remove "
                         "the repository with `hf cache rm` and pull again")  # fmt: skip
    if isinstance(error, RemoteEntryNotFoundError):
        return _describe("a file is missing in the repository", repository, error,
                         f"see {page}/tree/main, and pull again")  # fmt: skip
    if isinstance(error, RepositoryNotFoundError):
        return _describe("no such repository, or a private one", repository, error,
                         f"open {page}; for a private one `hf auth login` first")  # fmt: skip
    if isinstance(error, HfHubHTTPError):
        return _explain_status(error, repository)
    return _explain_connection(error, repository)


def _explain_status(error: HfHubHTTPError, repository: str) -> RhasError:
    status = error.response.status_code
    if status == 407:
        return _describe(
            "the proxy wants a name and a password", repository, error, _advise_proxy()
        )
    if status in (401, 403):
        return _describe("the hub refuses access", repository, error,
                         "`hf auth login` with a token that may read the repository")  # fmt: skip
    what = f"the hub answers with status {status}"
    return _describe(what, repository, error, f"try again later: {_AGAIN}")


def _explain_connection(error: Exception, repository: str) -> RhasError | None:
    names = {cls.__name__ for one in _list_causes(error) for cls in type(one).__mro__}
    if "ProxyError" in names:
        return _describe("the proxy does not let the download through", repository, error,
                         _advise_proxy())  # fmt: skip
    if "TimeoutException" in names:
        return _describe("the hub does not answer in time", repository, error,
                         f"check the network; {_AGAIN}")  # fmt: skip
    if names & {"RemoteProtocolError", "ReadError", "WriteError"} or "Consistency check" in str(
        error
    ):
        return _describe("the download broke off", repository, error, _AGAIN)
    if names & {"TransportError", "RequestError", "ConnectionError"}:
        do = f"check the network, and the proxy if there is one; {_AGAIN}"
        return _describe("the hub cannot be reached", f"{repository}, {constants.ENDPOINT}",
                         error, do)  # fmt: skip
    if isinstance(error, ValueError):
        return _describe("the answer is not a hub's", f"{repository}, {constants.ENDPOINT}", error,
                         "check HF_ENDPOINT, and whether the network wants a log-in")  # fmt: skip
    return None


def _describe(what: str, where: str, error: Exception, do: str) -> RhasError:
    text = str(error).strip()
    got = text.splitlines()[0][:200] if text else type(error).__name__
    return RhasError(what, where=where, got=got, do=do)


def _list_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _advise_proxy() -> str:
    """Which variable names it, without what it says of a password."""
    for name in _PROXIES:
        if value := os.environ.get(name):
            return f"check {name}={re.sub('//[^@/]*@', '//...@', value)}"
    return "check the proxy settings of this machine"
