//! Decimal numbers in their text form, as a server's `numeric(digits, scale)` keeps them. Knows digits
//! only; what a column is, is the schema's.

use std::borrow::Cow;

/// The number with so many digits after the point at most, half away from zero as PostgreSQL does.
/// For the text of a plain decimal number.
pub fn rounded(text: &str, scale: u32) -> Cow<'_, str> {
    let scale = scale as usize;
    let Some((whole, fraction)) = text.split_once('.') else {
        return Cow::Borrowed(text);
    };
    let Some(next) = fraction.as_bytes().get(scale) else {
        return Cow::Borrowed(text);
    };
    let (sign, whole) = match whole.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", whole),
    };
    let kept = fraction.get(..scale).unwrap_or_default();
    let mut digits = [whole, kept].concat();
    if *next >= b'5' {
        digits = increased(&digits);
    }
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    Cow::Owned(match scale {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{fraction}"),
    })
}

/// Why a column of so many digits, so many of them after the point, does not take the number.
pub fn overflow(text: &str, (digits, scale): (u32, u32)) -> Option<Overflow> {
    let room = digits.saturating_sub(scale) as usize;
    if whole_digits(text) > room {
        Some(Overflow::Plain)
    } else if whole_digits(&rounded(text, scale)) > room {
        Some(Overflow::Rounded)
    } else {
        None
    }
}

/// How a number is larger than its column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overflow {
    /// As it stands.
    Plain,
    /// Only once it is rounded, as 99.996 is where 99.99 is the largest.
    Rounded,
}

fn whole_digits(text: &str) -> usize {
    let whole = text.trim_start_matches('-').split('.').next();
    whole.unwrap_or_default().trim_start_matches('0').len()
}

/// One more, digit by digit.
fn increased(digits: &str) -> String {
    let nines = digits.bytes().rev().take_while(|b| *b == b'9').count();
    let (head, tail) = digits.split_at(digits.len() - nines);
    let zeros = "0".repeat(tail.len());
    match (
        head.get(..head.len().saturating_sub(1)),
        head.bytes().last(),
    ) {
        (Some(before), Some(last)) => format!("{before}{}{zeros}", char::from(last + 1)),
        _ => format!("1{zeros}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_half_away_from_zero() {
        for (text, scale, expected) in [
            ("72.5747792", 2, "72.57"),
            ("72.575", 2, "72.58"),
            ("-72.575", 2, "-72.58"),
            ("72.5749999", 2, "72.57"),
            ("72.57", 2, "72.57"),
            ("72.5", 2, "72.5"),
            ("72", 2, "72"),
            ("99.996", 2, "100.00"),
            ("-9.999", 2, "-10.00"),
            ("0.004", 2, "0.00"),
            ("-0.005", 2, "-0.01"),
            ("0.5", 0, "1"),
            ("9.5", 0, "10"),
            ("9.4", 0, "9"),
            ("009.995", 2, "010.00"),
        ] {
            assert_eq!(rounded(text, scale), expected, "{text} {scale}");
        }
    }

    #[test]
    fn a_number_fits_as_it_is_kept() {
        for (text, expected) in [
            ("99.99", None),
            ("99.994", None),
            ("0099.99", None),
            ("-99.99", None),
            ("99.995", Some(Overflow::Rounded)),
            ("-99.996", Some(Overflow::Rounded)),
            ("100", Some(Overflow::Plain)),
        ] {
            assert_eq!(overflow(text, (4, 2)), expected, "{text}");
        }
    }
}
