//! Exact decimals with a fixed number of digits, kept and printed as text (`"36.60"`).

use super::BadValue;

/// Rounds a decimal text to `scale` digits (half away from zero) and refuses what does not
/// fit into `precision` digits in all.
pub(crate) fn fixed(text: &str, precision: u32, scale: u32) -> Result<String, BadValue> {
    let number: f64 = text.trim().parse().map_err(|_| BadValue)?;
    if !number.is_finite() {
        return Err(BadValue);
    }
    // Through the shortest decimal text, so that 0.005 rounds as written and not as the
    // binary fraction below it.
    let plain = format!("{number}");
    let (sign, plain) = match plain.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", plain.as_str()),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let scale = scale as usize;
    let mut digits = whole.to_owned();
    digits.extend(fraction.chars().chain(std::iter::repeat('0')).take(scale));
    let mut units: u128 = digits.parse().map_err(|_| BadValue)?;
    if fraction.as_bytes().get(scale).is_some_and(|b| *b >= b'5') {
        units += 1;
    }
    if units >= 10u128.pow(precision) {
        return Err(BadValue);
    }
    let sign = if units == 0 { "" } else { sign };
    if scale == 0 {
        return Ok(format!("{sign}{units}"));
    }
    let factor = 10u128.pow(u32::try_from(scale).unwrap_or(0));
    Ok(format!(
        "{sign}{}.{:0scale$}",
        units / factor,
        units % factor
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_rounded_padded_and_limited() {
        let cases = [
            ("36.6", 4, 2, Ok("36.60")),
            ("170.5", 5, 2, Ok("170.50")),
            ("5", 10, 4, Ok("5.0000")),
            ("24.305", 4, 2, Ok("24.31")),
            ("-0.004", 4, 2, Ok("0.00")),
            ("-1.5", 4, 2, Ok("-1.50")),
            ("99.99", 4, 2, Ok("99.99")),
            ("99.995", 4, 2, Err(BadValue)),
            ("100", 4, 2, Err(BadValue)),
            ("1000", 5, 2, Err(BadValue)),
            ("warm", 4, 2, Err(BadValue)),
        ];
        for (text, precision, scale, expected) in cases {
            assert_eq!(
                fixed(text, precision, scale),
                expected.map(str::to_owned),
                "{text}"
            );
        }
    }
}
