"""How often passwords may be tried."""

from sagewright.operations.console.attempts import OF_A_USER, OF_AN_ADDRESS, SECONDS, Attempts
from sagewright.testing.clock import ManualClock


def test_a_user_is_tried_some_times_from_an_address() -> None:
    clock = ManualClock()
    attempts = Attempts(clock)
    assert [attempts.begin("ada", "a") for _ in range(OF_A_USER)] == [0.0] * OF_A_USER
    assert attempts.begin("ada", "a") == SECONDS
    assert attempts.begin("ada", "b") == attempts.begin("bob", "a") == 0.0
    clock.advance(SECONDS)
    assert attempts.begin("ada", "a") == 0.0


def test_an_address_tries_many_users_some_times() -> None:
    attempts = Attempts(ManualClock())
    assert {attempts.begin(f"user-{number}", "a") for number in range(OF_AN_ADDRESS)} == {0.0}
    assert attempts.begin("another", "a") > 0


def test_who_was_right_is_forgiven() -> None:
    attempts = Attempts(ManualClock())
    for _ in range(OF_AN_ADDRESS * 2):
        assert attempts.begin("ada", "a") == 0.0
        attempts.forgive("ada", "a")
