//! Numbers as JavaScript, Python and Go write what they read.

use super::write::Style;

/// A number as a language writes it after reading `digits`.
///
/// # Errors
/// Where it is no number to that language any more, as a sentence.
pub(super) fn written(digits: &str, style: Style) -> Result<String, String> {
    let integer = !digits.contains(['.', 'e', 'E']);
    if integer && style == Style::Python {
        return Ok(if digits == "-0" { "0".to_owned() } else { digits.to_owned() });
    }
    let number: f64 = digits.parse().unwrap_or(f64::INFINITY);
    if !number.is_finite() {
        return Err(format!("The number {} is out of range.", crate::words::clip(digits)));
    }
    if number == 0.0 {
        let negative = number.is_sign_negative();
        return Ok(match style {
            Style::JavaScript => "0",
            Style::Python if negative => "-0.0",
            Style::Python => "0.0",
            Style::Go if negative => "-0",
            Style::Go => "0",
        }
        .to_owned());
    }
    Ok(shortest(number, style))
}

/// The fewest digits that name a double. All three languages agree on the digits, and differ in where the exponent
/// begins and how it looks.
fn shortest(number: f64, style: Style) -> String {
    let scientific = format!("{:e}", number.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if number < 0.0 { "-" } else { "" };
    let plain = match style {
        Style::JavaScript | Style::Go => (-7..21).contains(&exponent) && exponent != -7,
        Style::Python => (-4..16).contains(&exponent),
    };
    if !plain {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign_of = if exponent < 0 { '-' } else { '+' };
        let width = if style == Style::Python { 2 } else { 1 };
        return format!("{sign}{first}{point}{rest}e{sign_of}{:0width$}", exponent.abs());
    }
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    if exponent < 0 {
        return format!("{sign}0.{}{digits}", zeros(-exponent - 1));
    }
    if exponent + 1 >= length {
        let whole = if style == Style::Python { ".0" } else { "" };
        return format!("{sign}{digits}{}{whole}", zeros(exponent + 1 - length));
    }
    let (before, after) = digits.split_at(usize::try_from(exponent + 1).unwrap_or(0));
    format!("{sign}{before}.{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_own_way() {
        // What they print; `tests/suite/tools.rs` asks node and python3 themselves.
        for (digits, javascript, python, go) in [
            ("1", "1", "1", "1"),
            ("-0", "0", "0", "-0"),
            ("-0.0", "0", "-0.0", "-0"),
            ("1.0", "1", "1.0", "1"),
            ("1e5", "100000", "100000.0", "100000"),
            ("1e16", "10000000000000000", "1e+16", "10000000000000000"),
            ("1e21", "1e+21", "1e+21", "1e+21"),
            (
                "12345678901234567890",
                "12345678901234567000",
                "12345678901234567890",
                "12345678901234567000",
            ),
            ("1.5e-5", "0.000015", "1.5e-05", "0.000015"),
            ("1e-6", "0.000001", "1e-06", "0.000001"),
            ("1e-7", "1e-7", "1e-07", "1e-7"),
            ("-2.50", "-2.5", "-2.5", "-2.5"),
            ("1.25e-120", "1.25e-120", "1.25e-120", "1.25e-120"),
        ] {
            assert_eq!(written(digits, Style::JavaScript).unwrap(), javascript, "{digits}");
            assert_eq!(written(digits, Style::Python).unwrap(), python, "{digits}");
            assert_eq!(written(digits, Style::Go).unwrap(), go, "{digits}");
        }
        assert!(written("1e999", Style::JavaScript).is_err());
    }
}
