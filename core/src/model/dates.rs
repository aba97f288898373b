//! Instants and calendar days: from what peers send, to what the cloud takes.
//!
//! Rules: an instant is kept as epoch milliseconds and pushed as ISO text; a day is kept and pushed
//! as `YYYY-MM-DD`. A server prints a day as the instant of its own local midnight, so twelve hours
//! are added before the UTC day is taken: right for every zone after UTC−12 up to UTC+12.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

/// What a peer's date meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Parsed<T> {
    /// A value.
    Known(T),
    /// Nothing: null, empty text, zero.
    Nothing,
    /// Something that is no date.
    Unreadable,
}

/// What a clock that works may show, in epoch milliseconds: 2020 to 2099. This software was not there
/// before, so an earlier time is that of a clock without power (1970, 2000, the day its device was
/// made); a later one is in another unit, or of a counter that ran over.
const PLAUSIBLE_MS: Range<i64> = 1_577_836_800_000..4_102_444_800_000;

/// Whether a clock that shows this time may be right.
pub fn is_plausible(clock_ms: i64) -> bool {
    PLAUSIBLE_MS.contains(&clock_ms)
}

/// The time, or the first or last whole second that has a form.
pub fn into_calendar(ms: i64) -> i64 {
    ms.clamp(
        Timestamp::MIN.as_second() * 1000,
        Timestamp::MAX.as_second() * 1000,
    )
}

/// An instant from text: ISO 8601 with a zone, or digits of epoch milliseconds.
pub fn instant_from_text(text: &str) -> Parsed<i64> {
    let text = text.trim();
    if text.is_empty() || text == "0" {
        return Parsed::Nothing;
    }
    if let Ok(number) = text.parse::<i64>() {
        // Fewer digits are a year, a day count or seconds: no telling which.
        return if text.trim_start_matches('-').len() >= 10 {
            instant_from_number(number)
        } else {
            Parsed::Unreadable
        };
    }
    match text.parse::<Timestamp>() {
        Ok(instant) => Parsed::Known(instant.as_millisecond()),
        Err(_) => parse_day(text).map_or(Parsed::Unreadable, |day| {
            midnight(day).map_or(Parsed::Unreadable, Parsed::Known)
        }),
    }
}

/// An instant from epoch milliseconds.
pub fn instant_from_number(ms: i64) -> Parsed<i64> {
    match ms {
        0 => Parsed::Nothing,
        _ if Timestamp::from_millisecond(ms).is_ok() => Parsed::Known(ms),
        _ => Parsed::Unreadable,
    }
}

/// A day from text: `YYYY-MM-DD`, ISO 8601 of a local midnight, or digits of epoch milliseconds.
pub fn day_from_text(text: &str) -> Parsed<String> {
    let text = text.trim();
    if let Some(day) = parse_day(text) {
        return Parsed::Known(day.to_string());
    }
    match instant_from_text(text) {
        Parsed::Known(ms) => day_from_number(ms),
        Parsed::Nothing => Parsed::Nothing,
        Parsed::Unreadable => Parsed::Unreadable,
    }
}

/// A day from the epoch milliseconds of a local midnight.
pub fn day_from_number(ms: i64) -> Parsed<String> {
    const HALF_A_DAY_MS: i64 = 12 * 60 * 60 * 1000;
    if ms == 0 {
        return Parsed::Nothing;
    }
    ms.checked_add(HALF_A_DAY_MS)
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .map_or(Parsed::Unreadable, |t| {
            Parsed::Known(Offset::UTC.to_datetime(t).date().to_string())
        })
}

/// Whether text is a calendar day, as the app must give it.
pub fn is_day(text: &str) -> bool {
    parse_day(text).is_some()
}

/// `2026-01-31T08:15:30.123Z`. Never a number: the cloud takes small ones for seconds, and times
/// before September 2001 for the present moment. `None` outside the years −9999 to 9999.
pub fn format_instant(ms: i64) -> Option<String> {
    Timestamp::from_millisecond(ms)
        .ok()
        .map(|t| format!("{t:.3}"))
}

/// UTC midnight of a day in its text form, in epoch milliseconds: how a hub keeps most days.
pub fn day_to_ms(day: &str) -> Option<i64> {
    parse_day(day).and_then(midnight)
}

/// UTC midnight of a day, in epoch milliseconds.
fn midnight(day: Date) -> Option<i64> {
    Offset::UTC
        .to_timestamp(day.at(0, 0, 0, 0))
        .ok()
        .map(Timestamp::as_millisecond)
}

fn parse_day(text: &str) -> Option<Date> {
    // The exact shape first: the parser alone would also take compact and signed forms.
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, b)| match i {
            4 | 7 => *b == b'-',
            _ => b.is_ascii_digit(),
        });
    shaped.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_without_power_and_times_in_other_units_are_not_plausible() {
        for (text, plausible) in [
            ("1970-01-01T00:00:10Z", false),
            ("2000-01-01T00:00:00Z", false),
            ("2019-12-31T23:59:59.999Z", false),
            ("2020-01-01T00:00:00Z", true),
            ("2026-11-27T00:00:00Z", true),
            ("2099-12-31T23:59:59.999Z", true),
            ("2100-01-01T00:00:00Z", false),
        ] {
            let ms = text.parse::<Timestamp>().unwrap().as_millisecond();
            assert_eq!(is_plausible(ms), plausible, "{text}");
            assert!(!is_plausible(ms / 1_000) && !is_plausible(ms * 1_000));
        }
        for ms in [i64::MIN, -1, 0, 1, i64::MAX] {
            assert!(format_instant(into_calendar(ms)).is_some(), "{ms}");
        }
        assert_eq!(into_calendar(5), 5);
    }

    #[test]
    fn l05_days_are_the_servers_local_day() {
        for (sent, day) in [
            ("1980-02-03", "1980-02-03"),
            ("1980-02-03T00:00:00.000Z", "1980-02-03"),
            ("1980-02-02T22:00:00.000Z", "1980-02-03"),
            ("1980-02-02T12:00:00.000Z", "1980-02-03"),
            ("1980-02-03T05:00:00.000Z", "1980-02-03"),
            ("1980-02-03T11:59:00.000Z", "1980-02-03"),
            ("318384000000", "1980-02-03"),
            ("-318384000000", "1959-11-30"),
        ] {
            assert_eq!(day_from_text(sent), Parsed::Known(day.to_owned()), "{sent}");
        }
        assert_eq!(
            day_from_number(928_184_400_000),
            Parsed::Known("1999-06-01".to_owned())
        );
    }

    #[test]
    fn empty_and_zero_are_nothing_and_the_rest_unreadable() {
        for nothing in ["", "0", " "] {
            assert_eq!(day_from_text(nothing), Parsed::Nothing);
            assert_eq!(instant_from_text(nothing), Parsed::Nothing);
        }
        for bad in [
            "not a date",
            "1980",
            "1980-13-01",
            "1980-02-30",
            "99999999999999999",
        ] {
            assert_eq!(day_from_text(bad), Parsed::Unreadable, "{bad}");
            assert_eq!(instant_from_text(bad), Parsed::Unreadable, "{bad}");
        }
    }

    #[test]
    fn instants_keep_their_milliseconds() {
        for sent in [
            "2026-01-31T08:15:30.123Z",
            "2026-01-31T10:15:30.123+02:00",
            "1769847330123",
        ] {
            assert_eq!(
                instant_from_text(sent),
                Parsed::Known(1_769_847_330_123),
                "{sent}"
            );
        }
        assert_eq!(
            format_instant(1_769_847_330_123).unwrap(),
            "2026-01-31T08:15:30.123Z"
        );
        assert_eq!(
            format_instant(-86_400_000).unwrap(),
            "1969-12-31T00:00:00.000Z"
        );
        assert_eq!(format_instant(i64::MAX), None);
    }
}
