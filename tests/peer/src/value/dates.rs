//! What the server makes of a date that a client pushes.
//!
//! Two hands touch it: the application rewrites numbers and digit texts that look like an
//! epoch, and the database reads whatever text is left. Both are kept here, the wrong
//! guesses included: a positive count of milliseconds up to 1e12 is taken for seconds, its
//! year is then absurd, and the row is stored with the present moment.

use serde_json::Value;

use super::BadValue;
use super::calendar::{DAY_MS, civil_from_days, day_text, days_from_civil, is_civil};

/// A date after the application's rewriting and the database's reading.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pushed {
    Nothing,
    /// An instant that the application computed.
    Epoch(i64),
    /// A text left for the database.
    Text(String),
}

fn rewrite(value: &Value, now_ms: i64) -> Result<Pushed, BadValue> {
    match value {
        Value::Null => Ok(Pushed::Nothing),
        Value::Number(number) => {
            let number = number.as_f64().ok_or(BadValue)?;
            if number == 0.0 {
                return Ok(Pushed::Nothing);
            }
            if number.abs() > 1e9 && number.abs() < 1e14 {
                return Ok(Pushed::Epoch(guess_epoch(number, now_ms)));
            }
            Err(BadValue)
        }
        Value::String(text) if text.is_empty() || text == "0" => Ok(Pushed::Nothing),
        Value::String(text) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            if (10..=13).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
                let number: f64 = text.parse().map_err(|_| BadValue)?;
                return Ok(Pushed::Epoch(guess_epoch(number, now_ms)));
            }
            Ok(Pushed::Text(text.clone()))
        }
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(BadValue),
    }
}

fn guess_epoch(number: f64, now_ms: i64) -> i64 {
    let taken_for_seconds = (0.0..=1e12).contains(&number);
    let ms = if taken_for_seconds {
        number * 1000.0
    } else {
        number
    };
    // Within 1e17 by the callers' limits, so the cast only drops a fraction.
    let ms = ms as i64;
    let (year, _, _) = civil_from_days(ms.div_euclid(DAY_MS));
    if (1850..=2120).contains(&year) {
        ms
    } else {
        now_ms
    }
}

/// The instant (epoch ms) that a pushed value becomes in a column of type timestamp.
pub(crate) fn pushed_instant(value: &Value, now_ms: i64) -> Result<Option<i64>, BadValue> {
    match rewrite(value, now_ms)? {
        Pushed::Nothing => Ok(None),
        Pushed::Epoch(ms) => Ok(Some(ms)),
        Pushed::Text(text) => {
            let (days, rest) = read_day(&text)?;
            Ok(Some(days * DAY_MS + read_time(rest)?))
        }
    }
}

/// The day that a pushed value becomes in a column of type date, as `YYYY-MM-DD`.
///
/// An epoch is a moment, so the day depends on the server's time zone; of a text the
/// database takes the written day and never looks at its zone.
pub(crate) fn pushed_day(
    value: &Value,
    now_ms: i64,
    zone_minutes: i32,
) -> Result<Option<String>, BadValue> {
    match rewrite(value, now_ms)? {
        Pushed::Nothing => Ok(None),
        Pushed::Epoch(ms) => Ok(Some(day_text(ms + i64::from(zone_minutes) * 60_000))),
        Pushed::Text(text) => {
            let (days, rest) = read_day(&text)?;
            read_time(rest)?;
            Ok(Some(day_text(days * DAY_MS)))
        }
    }
}

/// The instant at which a stored day is printed: midnight in the server's zone.
pub(crate) fn printed_day(day: &str, zone_minutes: i32) -> Option<i64> {
    let (days, _) = read_day(day).ok()?;
    Some(days * DAY_MS - i64::from(zone_minutes) * 60_000)
}

/// Reads `YYYY-MM-DD` or `MM/DD/YYYY` and gives back what follows.
fn read_day(text: &str) -> Result<(i64, &str), BadValue> {
    let text = text.trim();
    let (head, rest) = text.split_at_checked(10).ok_or(BadValue)?;
    let bytes = head.as_bytes();
    let part = |from: usize, to: usize| -> Result<i64, BadValue> {
        let piece = head.get(from..to).ok_or(BadValue)?;
        if !piece.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BadValue);
        }
        piece.parse().map_err(|_| BadValue)
    };
    let (year, month, day) = match (bytes.get(4), bytes.get(7), bytes.get(2), bytes.get(5)) {
        (Some(b'-'), Some(b'-'), _, _) => (part(0, 4)?, part(5, 7)?, part(8, 10)?),
        (_, _, Some(b'/'), Some(b'/')) => (part(6, 10)?, part(0, 2)?, part(3, 5)?),
        _ => return Err(BadValue),
    };
    if !is_civil(year, month, day) {
        return Err(BadValue);
    }
    Ok((days_from_civil(year, month, day), rest))
}

/// Milliseconds to add to midnight UTC for the rest of a timestamp text. Without a zone the
/// database's own is used, which is UTC.
fn read_time(rest: &str) -> Result<i64, BadValue> {
    if rest.is_empty() {
        return Ok(0);
    }
    let rest = rest.strip_prefix(['T', 't', ' ']).ok_or(BadValue)?;
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_at);
    let mut pieces = clock.trim_end().split(':');
    let hours = digits(pieces.next().ok_or(BadValue)?, 24)?;
    let minutes = digits(pieces.next().ok_or(BadValue)?, 59)?;
    let seconds_ms = match pieces.next() {
        None => 0,
        Some(text) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
            digits(whole, 60)? * 1_000 + digits(&padded, 999)?
        }
    };
    if pieces.next().is_some() {
        return Err(BadValue);
    }
    Ok(hours * 3_600_000 + minutes * 60_000 + seconds_ms - read_zone(zone)?)
}

fn read_zone(zone: &str) -> Result<i64, BadValue> {
    let mut chars = zone.chars();
    let sign = match chars.next() {
        None => return Ok(0),
        Some('Z' | 'z') if zone.len() == 1 => return Ok(0),
        Some('+') => 1,
        Some('-') => -1,
        Some(_) => return Err(BadValue),
    };
    let plain: String = chars.filter(|c| *c != ':').collect();
    let (hours, minutes) = plain.split_at_checked(2).ok_or(BadValue)?;
    let minutes = if minutes.is_empty() {
        0
    } else {
        digits(minutes, 59)?
    };
    Ok(sign * (digits(hours, 15)? * 3_600_000 + minutes * 60_000))
}

fn digits(text: &str, most: i64) -> Result<i64, BadValue> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BadValue);
    }
    let number: i64 = text.parse().map_err(|_| BadValue)?;
    if number > most {
        return Err(BadValue);
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_795_471_200_000;

    #[test]
    fn days_are_read_as_the_table_says() {
        let cases = [
            (json!("1984-05-06"), Ok(Some("1984-05-06"))),
            (json!("1984-05-06T00:00:00.000Z"), Ok(Some("1984-05-06"))),
            (json!("1984-05-05T21:00:00.000Z"), Ok(Some("1984-05-05"))),
            (json!(452_649_600_000_i64), Ok(Some("2026-11-23"))),
            (json!("452649600000"), Ok(Some("2026-11-23"))),
            (json!(-318_384_000_000_i64), Ok(Some("1959-11-30"))),
            (json!(1_000_000_000_000_i64), Ok(Some("2026-11-23"))),
            (json!(1_000_000_000_001_i64), Ok(Some("2001-09-09"))),
            (json!(1_500_000_000), Ok(Some("2017-07-14"))),
            (json!(""), Ok(None)),
            (json!(null), Ok(None)),
            (json!(0), Ok(None)),
            (json!("0"), Ok(None)),
            (json!("1984"), Err(BadValue)),
            (json!("05/06/1984"), Ok(Some("1984-05-06"))),
            (json!(86_400_000), Err(BadValue)),
            (json!(-86_400_000), Err(BadValue)),
            (json!("2023-02-29"), Err(BadValue)),
            (json!("someday"), Err(BadValue)),
            (json!(true), Err(BadValue)),
        ];
        for (value, expected) in cases {
            let got = pushed_day(&value, NOW, 0);
            assert_eq!(got, expected.map(|day| day.map(str::to_owned)), "{value}");
        }
    }

    #[test]
    fn an_epoch_becomes_the_servers_local_day() {
        // 23:30 UTC on 13 July 2017 is already the 14th in Beirut.
        let value = json!(1_499_988_600_000_i64);
        assert_eq!(
            pushed_day(&value, NOW, 0),
            Ok(Some("2017-07-13".to_owned()))
        );
        assert_eq!(
            pushed_day(&value, NOW, 180),
            Ok(Some("2017-07-14".to_owned()))
        );
    }

    #[test]
    fn instants_keep_their_zone() {
        let cases = [
            ("2026-01-02T03:04:05.678Z", 1_767_323_045_678),
            ("2026-01-02T05:04:05.678+02:00", 1_767_323_045_678),
            ("2026-01-02 03:04:05", 1_767_323_045_000),
            ("2026-01-02", 1_767_312_000_000),
        ];
        for (text, expected) in cases {
            assert_eq!(pushed_instant(&json!(text), NOW), Ok(Some(expected)));
        }
        assert_eq!(
            pushed_instant(&json!("2026-01-02T25:00"), NOW),
            Err(BadValue)
        );
    }

    #[test]
    fn a_day_is_printed_at_local_midnight() {
        assert_eq!(printed_day("1970-01-02", 120), Some(79_200_000));
        assert_eq!(printed_day("1970-01-02", -300), Some(104_400_000));
    }
}
