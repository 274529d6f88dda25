"""Frame rates as people write them: 25, 24000/1001, or 23.976, which means 24000/1001."""

from fractions import Fraction

_TELEVISION = (12, 15, 24, 30, 48, 60, 72, 90, 96, 120, 144, 240)
"""Rates that television slows down by 1000/1001 and that are then written with two or three decimals."""
_DECIMALS = (2, 3, 4, 5, 6)


def exact_rate(written: str | float) -> Fraction:
    """Return the rate that `written` means. Raises ValueError where it is not a rate."""
    text = str(written).strip()
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"'{written}' is not a valid frame rate; use 25, 23.976 or 24000/1001") from error
    if "/" in text:
        return rate
    slowed = (Fraction(whole * 1000, 1001) for whole in _TELEVISION)
    meant = next((each for each in slowed if _is_rounded_from(rate, each)), None)
    return meant or rate.limit_denominator(1001)


def _is_rounded_from(rate: Fraction, exact: Fraction) -> bool:
    """True where `rate` is `exact` with some decimals left away, rounded or cut off; whole rates mean themselves."""
    if rate.denominator == 1:
        return False
    return any(abs(rate - exact) * 10**places < 1 and (rate * 10**places).denominator == 1 for places in _DECIMALS) or (
        abs(rate - exact) < Fraction(1, 10**6)
    )
