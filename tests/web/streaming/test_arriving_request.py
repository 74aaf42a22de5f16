"""What is known of a request while it arrives: whether all of it is here, and whether it halts the bot."""

import pytest

from web.streaming.arriving_request import MAX_HEAD, ArrivingRequest, Rejected

HEAD = b"POST /api/bot/kill HTTP/1.1\r\nHost: x\r\n"


def arrived(data: bytes) -> ArrivingRequest:
    """What came in one byte after the other, none of which but the last completes it."""
    request = ArrivingRequest()
    for place in range(len(data)):
        assert not (place and request.is_complete()), f"complete before {data[place:]!r}"
        request.add(data[place : place + 1])
    return request


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"\r\n",
        HEAD + b"Content-Length: 0\r\n\r\n",
        HEAD + b"content-length:5\r\n\r\n12345",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n12345\r\nA\r\n1234567890\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n",
        HEAD + b"X-Content-Length: 7\r\n\r\n",
    ],
)
def test_a_request_is_complete_with_its_last_byte_and_not_before(data: bytes):
    request = arrived(data)
    assert request.is_complete()
    assert request.take() == (data, b"")


def test_what_comes_behind_it_is_kept_for_the_next_one():
    request = ArrivingRequest(HEAD + b"Content-Length: 2\r\n\r\n{}" + HEAD)
    assert request.is_complete()
    assert request.take() == (HEAD + b"Content-Length: 2\r\n\r\n{}", HEAD)


def test_two_lengths_are_left_to_gunicorn_which_refuses_them():
    request = ArrivingRequest(HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n")
    assert request.is_complete()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (HEAD + b"Content-Length: 65537\r\n\r\n", 413),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n10001\r\n", 413),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 30_000, 413),
        (HEAD + b"X: " + b"x" * MAX_HEAD, 431),
        (b"GET /" + b"x" * MAX_HEAD, 414),
    ],
)
def test_what_is_larger_than_any_request_is_not_waited_for(data: bytes, status: int):
    with pytest.raises(Rejected) as rejected:
        ArrivingRequest(data).is_complete()
    assert rejected.value.status == status


def test_who_waits_for_a_word_before_the_body_gets_it_once():
    request = ArrivingRequest(HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert not request.is_complete()
    assert request.expects_word
    request.add(b"{}")
    assert request.is_complete()
    assert b"Expect" not in request.take()[0]


@pytest.mark.parametrize(
    ("line", "urgent"),
    [
        (b"POST /api/bot/kill HTTP/1.1", True),
        (b"POST /api/bot/stop?x=1 HTTP/1.1", True),
        (b"POST /api/bot/pause HTTP/1.1", True),
        (b"POST /api/bot/start HTTP/1.1", False),
        (b"GET /api/bot/kill HTTP/1.1", False),
        (b"POST /api/bot/killer HTTP/1.1", False),
    ],
)
def test_what_halts_the_bot_is_urgent(line: bytes, urgent: bool):
    assert ArrivingRequest(line + b"\r\n\r\n").is_urgent is urgent
