//! The server's dates: ISO text to epoch milliseconds, and the midnight of a day back to the day.

const DAY_MS: i64 = 86_400_000;

/// Epoch milliseconds of `2026-01-31T08:15:30.123Z`, of the same with an offset, of a bare day, or
/// of ten digits and more. `None` for anything else.
pub fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.len() >= 10 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (day, rest) = text.split_at_checked(10)?;
    let midnight = midnight(day)?;
    if rest.is_empty() {
        return Some(midnight);
    }
    let (time, ahead) = zone(rest.strip_prefix(['T', 't', ' '])?)?;
    Some(midnight + time_of_day(time)? - ahead)
}

/// The day of the instant that a server made of it: its own midnight. Twelve hours later it is the
/// same day in UTC too.
pub fn day(text: &str) -> Option<String> {
    if midnight(text.trim()).is_some() {
        return Some(text.trim().to_owned());
    }
    instant(text).map(day_of_midnight)
}

/// The same from epoch milliseconds.
pub fn day_of_midnight(ms: i64) -> String {
    let (year, month, day) = civil((ms + DAY_MS / 2).div_euclid(DAY_MS));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Epoch milliseconds of a day that exists.
fn midnight(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (
        number(&text[..4])?,
        number(text.get(5..7)?)?,
        number(text.get(8..)?)?,
    );
    let days = days(year, month, day);
    (civil(days) == (year, month, day)).then_some(days * DAY_MS)
}

/// The time, and by how many milliseconds its zone is ahead of UTC.
fn zone(text: &str) -> Option<(&str, i64)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let at = text.rfind(['+', '-'])?;
    let (hours, minutes) = text[at + 1..].split_once(':')?;
    let ahead = (number(hours)? * 60 + number(minutes)?) * 60_000;
    let sign = if text[at..].starts_with('-') { -1 } else { 1 };
    Some((&text[..at], sign * ahead))
}

fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let (seconds, fraction) = match parts.next() {
        Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "")),
        None => ("0", ""),
    };
    let seconds = number(seconds)?;
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let ms = number(&format!("{fraction:0<3}")[..3])?;
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000 + ms)
}

fn number(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Days since 1970-01-01, by counting: years are taken whole, months by their lengths.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let months: i64 = (1..month.clamp(1, 13)).map(|m| length(year, m)).sum();
    year_start(year) + months + day - 1
}

/// The day of 1 January.
fn year_start(year: i64) -> i64 {
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    365 * (year - 1970) + leap_days - 477
}

fn length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn civil(days: i64) -> (i64, i64, i64) {
    // 400 years have 146,097 days: right to within a year.
    let mut year = 1970 + (days * 400).div_euclid(146_097);
    while year_start(year) > days {
        year -= 1;
    }
    while year_start(year + 1) <= days {
        year += 1;
    }
    let mut rest = days - year_start(year);
    let mut month = 1;
    while rest >= length(year, month) {
        rest -= length(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        for (text, ms) in [
            ("2026-01-31T08:15:30.123Z", Some(1_769_847_330_123)),
            ("2026-01-31T10:15:30.123+02:00", Some(1_769_847_330_123)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1969-12-31T23:59:59.999Z", Some(-1)),
            ("2000-02-29", Some(951_782_400_000)),
            ("1769847330123", Some(1_769_847_330_123)),
            ("2023-02-29T00:00:00Z", None),
            ("2026-01-31T24:15:30Z", None),
            ("2026-01-31T08:15:30", None),
            ("سلمى سلمى سلمى", None),
            ("1980", None),
            ("", None),
        ] {
            assert_eq!(instant(text), ms, "{text}");
        }
    }

    #[test]
    fn days_are_the_servers() {
        for text in [
            "1980-02-03",
            "1980-02-03T00:00:00.000Z",
            "1980-02-02T22:00:00.000Z",
            "1980-02-03T05:00:00.000Z",
            "318384000000",
        ] {
            assert_eq!(day(text).as_deref(), Some("1980-02-03"), "{text}");
        }
        assert_eq!(day("1980-02-30"), None);
    }

    #[test]
    fn every_day_has_a_date_and_every_date_its_day() {
        for day in (-200_000..200_000).step_by(13) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }
}
