"""The source against real files and a real HTTP server."""

import gzip
import json
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bgptui.domain.rpki import RpkiState
from bgptui.errors import BadInput, Transient, UsageError
from bgptui.rpki import vrp_source
from bgptui.rpki.source import Ageing
from bgptui.rpki.validator import Validator
from bgptui.rpki.vrp_fetch import fetch
from bgptui.rpki.vrp_source import JsonSource, Reading
from bgptui.runtime.metrics import Metrics
from support.certificates import self_signed

BUILT = 1_753_003_893.0
BUILD_TIME = "2025-07-20T09:31:33Z"


def document(count: int = 1, *, expires: int | None = None, asn: int = 64496) -> bytes:
    """`count` VRPs 10.N.0.0/16 for `asn`, built at BUILT."""
    roas = [
        {"asn": asn, "prefix": f"10.{n}.0.0/16", "maxLength": 16, "ta": "ripe", "expires": expires}
        for n in range(count)
    ]
    if expires is None:
        for roa in roas:
            del roa["expires"]
    return json.dumps({"metadata": {"buildtime": BUILD_TIME}, "roas": roas}).encode()


class Site(BaseHTTPRequestHandler):
    """Serves `site.answer` and writes down the requests."""

    server: "Server"

    def do_GET(self) -> None:
        site = self.server
        site.requests.append(dict(self.headers))
        if site.stall.is_set():
            site.released.wait(10)
            return
        if site.redirect:
            self.send_response(302)
            self.send_header("Location", site.redirect)
            self.end_headers()
            return
        if site.status == 200 and self.headers.get("If-None-Match") == site.etag:
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(site.status)
        self.send_header("ETag", site.etag)
        self.send_header("Last-Modified", "Sun, 20 Jul 2025 09:31:33 GMT")
        self.send_header("Content-Length", str(len(site.answer) + site.missing))
        self.end_headers()
        if not site.drip_s:
            self.wfile.write(site.answer)
            return
        with suppress(ConnectionError):
            for octet in site.answer:
                self.wfile.write(bytes([octet]))
                site.released.wait(site.drip_s)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Site)
        self.answer = document()
        self.etag = '"1"'
        self.status = 200
        self.missing = 0
        self.redirect = ""
        self.drip_s = 0.0
        self.stall = threading.Event()
        self.released = threading.Event()
        self.requests: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/vrps.json"


@pytest.fixture
def site() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def source(
    location: str,
    *,
    ageing: Ageing = Ageing.BY_CLOCK,
    timeout_s: float = 5.0,
    metrics: Metrics | None = None,
    reading: Reading = Reading.HERE,
) -> Validator:
    return Validator(
        [
            lambda union: JsonSource(
                location,
                union,
                ageing=ageing,
                metrics=metrics or Metrics(),
                refresh_s=600.0,
                stale_after_s=7200.0,
                timeout_s=timeout_s,
                max_bytes=100_000,
                reading=reading,
            )
        ]
    )


def state(vrps: Validator, prefix: str = "10.0.0.0/16", origin: int = 64496) -> RpkiState:
    return vrps.validate(prefix, origin).state


def test_without_a_source_validation_is_off() -> None:
    vrps = Validator()
    vrps.refresh(BUILT)
    assert (vrps.health().state, state(vrps)) == ("off", RpkiState.UNAVAILABLE)


def test_a_url_is_loaded_and_its_vrps_are_in_force(site: Server) -> None:
    vrps = source(site.url)
    assert (vrps.health().state, state(vrps)) == ("loading", RpkiState.UNAVAILABLE)
    vrps.refresh(BUILT + 60)
    assert state(vrps) is RpkiState.VALID
    health = vrps.health()
    assert (health.state, health.vrps, health.as_of, health.error) == ("fresh", 1, BUILT, "")
    assert site.requests[0]["User-Agent"].startswith("bgptui/")


def test_an_unchanged_url_is_not_sent_again_and_keeps_its_generation(site: Server) -> None:
    vrps = source(site.url)
    vrps.refresh(BUILT)
    vrps.refresh(BUILT + 599)
    assert len(site.requests) == 1
    generation = vrps.generation()
    vrps.refresh(BUILT + 600)
    assert site.requests[1]["If-None-Match"] == '"1"'
    assert site.requests[1]["If-Modified-Since"] == "Sun, 20 Jul 2025 09:31:33 GMT"
    assert (vrps.generation(), vrps.health().state) == (generation, "fresh")


def test_a_changed_url_replaces_the_table_and_changes_the_generation(site: Server) -> None:
    vrps = source(site.url)
    vrps.refresh(BUILT)
    before = vrps.generation()
    site.answer, site.etag = document(asn=64497), '"2"'
    vrps.refresh(BUILT + 600)
    assert state(vrps) is RpkiState.INVALID
    assert vrps.generation() > before


def test_a_failure_keeps_the_table_until_it_is_stale_and_is_shown(site: Server) -> None:
    vrps = source(site.url)
    vrps.refresh(BUILT)
    site.status = 503
    vrps.refresh(BUILT + 600)
    assert (state(vrps), vrps.health().state) == (RpkiState.VALID, "fresh")
    assert "503" in vrps.health().error
    generation = vrps.generation()
    vrps.refresh(BUILT + 7201)
    assert (state(vrps), vrps.health().state) == (RpkiState.UNAVAILABLE, "stale")
    assert vrps.generation() > generation


def test_after_a_failure_the_next_try_comes_sooner(site: Server) -> None:
    vrps = source(site.url)
    site.status = 503
    vrps.refresh(BUILT)
    assert vrps.health().state == "error"
    site.status = 200
    vrps.refresh(BUILT + 59)
    assert state(vrps) is RpkiState.UNAVAILABLE
    vrps.refresh(BUILT + 60)
    assert state(vrps) is RpkiState.VALID


def test_a_source_that_stops_changing_goes_stale_though_it_answers(site: Server) -> None:
    vrps = source(site.url)
    vrps.refresh(BUILT)
    vrps.refresh(BUILT + 7201)
    health = vrps.health()
    assert (state(vrps), health.state) == (RpkiState.UNAVAILABLE, "stale")
    assert "stale_after_s" in health.error


def test_old_vrps_are_never_in_force_not_even_between_two_looks(site: Server) -> None:
    vrps = source(site.url)
    vrps.refresh(BUILT + 90_000)
    assert (state(vrps), vrps.generation()) == (RpkiState.UNAVAILABLE, 0)


def test_a_clock_that_is_set_back_does_not_stop_refreshing(site: Server) -> None:
    vrps = source(site.url)
    vrps.refresh(BUILT + 5000)
    vrps.refresh(BUILT)
    assert len(site.requests) == 2


def test_a_body_that_breaks_off_is_no_table(site: Server) -> None:
    site.missing = 100
    vrps = source(site.url)
    with pytest.raises(Transient, match="broke off"):
        vrps.load(BUILT)
    assert state(vrps) is RpkiState.UNAVAILABLE


def test_a_body_beyond_the_bound_is_refused(site: Server) -> None:
    site.answer = b" " * 200_000
    with pytest.raises(BadInput, match="more than 100000 bytes"):
        source(site.url).load(BUILT)


def test_a_compressed_body_is_inflated_and_one_that_is_something_else_is_refused_by_name(
    site: Server,
) -> None:
    vrps = source(site.url)
    site.answer = gzip.compress(document())
    vrps.load(BUILT)
    assert state(vrps) is RpkiState.VALID
    site.answer, site.etag = b"<!doctype html><title>Log in</title>", '"2"'
    with pytest.raises(BadInput, match=r"vrps\.json holds no VRPs"):
        vrps.load(BUILT + 600)
    assert state(vrps) is RpkiState.VALID


def test_a_body_that_comes_in_drops_is_given_up(site: Server) -> None:
    site.drip_s = 0.1
    with pytest.raises(Transient, match="too slow"):
        source(site.url, timeout_s=0.3).load(BUILT)


def test_a_server_that_does_not_answer_is_given_up(site: Server) -> None:
    site.stall.set()
    with pytest.raises(Transient, match=r"127\.0\.0\.1"):
        source(site.url, timeout_s=0.2).load(BUILT)


def test_a_server_that_is_not_there_is_a_transient_failure() -> None:
    with pytest.raises(Transient, match="cannot be reached"):
        source("http://127.0.0.1:9/vrps.json").load(BUILT)


def test_a_redirect_is_followed_within_http(site: Server) -> None:
    other = Server()
    thread = threading.Thread(target=other.serve_forever, args=(0.02,))
    thread.start()
    try:
        site.redirect = other.url
        vrps = source(site.url)
        vrps.load(BUILT)
        assert state(vrps) is RpkiState.VALID
    finally:
        other.shutdown()
        thread.join()
        other.server_close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key."""
    key, certificate = self_signed(tmp_path)
    pem = tmp_path / "site.pem"
    pem.write_bytes(key.read_bytes() + certificate.read_bytes())
    return pem


@pytest.fixture
def secure_site(site: Server, certificate: Path) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    site.socket = context.wrap_socket(site.socket, server_side=True)
    return site


def test_a_certificate_that_nobody_vouches_for_is_refused(secure_site: Server) -> None:
    with pytest.raises(Transient, match="CERTIFICATE_VERIFY_FAILED"):
        source(secure_site.url.replace("http:", "https:")).load(BUILT)


def test_https_never_redirects_to_http(
    secure_site: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    vrps = source(secure_site.url.replace("http:", "https:"))
    vrps.load(BUILT)
    assert state(vrps) is RpkiState.VALID
    secure_site.redirect = "http://127.0.0.1:9/vrps.json"
    with pytest.raises(Transient, match="not https"):
        vrps.load(BUILT + 600)


def test_a_file_is_read_again_only_when_it_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "vrps.json"
    path.write_bytes(document())
    for modified_ns, location in enumerate((str(path), path.as_uri())):
        first = fetch(location, known=None, timeout_s=1.0, max_bytes=1000)
        assert first is not None
        assert fetch(location, known=first.version, timeout_s=1.0, max_bytes=1000) is None
        path.write_bytes(document(asn=1))
        os.utime(path, ns=(0, modified_ns))
        again = fetch(location, known=first.version, timeout_s=1.0, max_bytes=1000)
        assert again is not None
        assert again.content == path.read_bytes()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    vrps = source(str(tmp_path / "vrps.json"))
    vrps.refresh(BUILT)
    assert vrps.health().state == "error"
    assert "vrps.json: cannot be read: No such file" in vrps.health().error


def test_a_file_named_for_one_run_is_taken_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "vrps.json"
    path.write_bytes(document(expires=1))
    vrps = source(str(path), ageing=Ageing.NEVER)
    vrps.refresh(BUILT + 10**8)
    assert state(vrps) is RpkiState.VALID
    path.unlink()
    vrps.refresh(BUILT + 2 * 10**8)
    health = vrps.health()
    assert (health.state, health.as_of, health.error) == ("fresh", BUILT, "")


def test_a_large_file_is_read_by_another_process_to_the_same_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "vrps.json"
    path.write_bytes(document(200))
    monkeypatch.setattr(vrp_source, "SMALL_BYTES", 0)
    vrps = source(str(path), reading=Reading.APART)
    vrps.refresh(BUILT)
    generation = vrps.generation()
    path.write_bytes(document(199))
    vrps.refresh(BUILT + 600)
    assert (vrps.health().vrps, vrps.health().as_of) == (199, BUILT)
    assert state(vrps, "10.199.0.0/16") is RpkiState.NOT_FOUND
    assert vrps.generation() == generation + 1
    vrps.stop()
    path.write_bytes(document(200))
    vrps.refresh(BUILT + 1200)
    assert vrps.health().vrps == 199


def test_a_source_whose_vrps_have_all_expired_has_none(tmp_path: Path) -> None:
    path = tmp_path / "vrps.json"
    path.write_bytes(document(expires=1))
    with pytest.raises(BadInput, match="0 malformed, 1 expired"):
        source(str(path)).load(BUILT)


def test_a_vrp_that_expires_goes_at_the_next_look_though_the_source_is_unchanged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "vrps.json"
    roas = json.loads(document(20))
    roas["roas"][0]["expires"] = int(BUILT) + 100
    path.write_text(json.dumps(roas))
    vrps = source(str(path))
    vrps.refresh(BUILT)
    assert state(vrps) is RpkiState.VALID
    vrps.refresh(BUILT + 600)
    assert state(vrps) is RpkiState.NOT_FOUND


def test_a_sudden_shrinkage_is_held_until_a_second_look_shows_it_again(tmp_path: Path) -> None:
    path = tmp_path / "vrps.json"
    path.write_bytes(document(100))
    vrps = source(str(path))
    vrps.refresh(BUILT)
    path.write_bytes(document(50))
    vrps.refresh(BUILT + 600)
    assert vrps.health().vrps == 100
    assert "50 VRPs instead of 100" in vrps.health().error
    vrps.refresh(BUILT + 1199)
    assert state(vrps, "10.99.0.0/16") is RpkiState.VALID
    vrps.refresh(BUILT + 1200)
    assert (vrps.health().vrps, vrps.health().error) == (50, "")
    assert state(vrps, "10.99.0.0/16") is RpkiState.NOT_FOUND


def test_a_shrinkage_that_goes_on_is_held_again_and_one_that_ends_is_forgotten(
    tmp_path: Path,
) -> None:
    path = tmp_path / "vrps.json"
    path.write_bytes(document(100))
    vrps = source(str(path))
    for step, (count, in_force) in enumerate([(100, 100), (80, 100), (40, 100), (95, 95)]):
        path.write_bytes(document(count))
        vrps.refresh(BUILT + 600 * step)
        assert vrps.health().vrps == in_force
    path.write_bytes(document(80))
    vrps.refresh(BUILT + 3000)
    assert vrps.health().vrps == 95


def test_malformed_entries_are_counted_as_losses(tmp_path: Path) -> None:
    path = tmp_path / "vrps.json"
    good = {"asn": 1, "prefix": "10.0.0.0/8", "maxLength": 8}
    path.write_text(json.dumps({"roas": [good, good | {"prefix": "x"}]}))
    metrics = Metrics()
    source(str(path), ageing=Ageing.NEVER, metrics=metrics).load(0.0)
    assert metrics.drops() == {"rpki.bad_prefix": 1}


@pytest.mark.parametrize(
    "location", ["ftp://example.net/vrps.json", "http:///vrps.json", "https://u:p@example.net/v"]
)
def test_a_location_that_could_never_be_read_is_wrong_usage(location: str) -> None:
    with pytest.raises(UsageError) as caught:
        source(location)
    assert "u:p" not in str(caught.value)
