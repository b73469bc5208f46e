//! Bytes written as text: hexadecimal digits with or without `0x`, and base64.

use alloy_primitives::hex::FromHex;
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Why a text is not the bytes it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// Nothing is there.
    #[error("{what} is empty")]
    Empty {
        /// Which text.
        what: &'static str,
    },
    /// More bytes than are looked at.
    #[error("{what} has more than {max} bytes")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// The limit, in bytes.
        max: usize,
    },
    /// Half a byte at the end: something was cut off.
    #[error("{what} has an odd number of hexadecimal digits")]
    OddLength {
        /// Which text.
        what: &'static str,
    },
    /// Another number of bytes than such a thing has.
    #[error("{what} has {length} bytes instead of {expected}")]
    Length {
        /// Which text.
        what: &'static str,
        /// Bytes found.
        length: usize,
        /// Bytes wanted.
        expected: usize,
    },
    /// A character that is no hexadecimal digit.
    #[error("{what} is not written in hexadecimal digits")]
    NotHex {
        /// Which text.
        what: &'static str,
    },
    /// Text that is neither hexadecimal nor base64.
    #[error("{what} is neither hexadecimal nor base64")]
    Unknown {
        /// Which text.
        what: &'static str,
    },
}

/// Reads hexadecimal digits of either case, with or without `0x`, at most `max` bytes of them.
pub(crate) fn hex(text: &str, what: &'static str, max: usize) -> Result<Vec<u8>, EncodingError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() / 2 > max {
        return Err(EncodingError::TooLong { what, max });
    }
    // A second prefix would pass the decoder, which takes one of its own.
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(EncodingError::NotHex { what });
    }
    Vec::from_hex(digits).map_err(|_| EncodingError::OddLength { what })
}

/// Reads exactly `N` bytes from hexadecimal digits.
pub(crate) fn hex_array<const N: usize>(
    text: &str,
    what: &'static str,
) -> Result<[u8; N], EncodingError> {
    let bytes = hex(text, what, N.max(1) * 64)?;
    let length = bytes.len();
    bytes.try_into().map_err(|_| EncodingError::Length { what, length, expected: N })
}

/// Reads hexadecimal digits or, if the text has others, base64 (either alphabet, padding or not).
pub(crate) fn text(text: &str, what: &'static str, max: usize) -> Result<Vec<u8>, EncodingError> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Err(EncodingError::Empty { what });
    }
    match hex(text, what, max) {
        Err(EncodingError::NotHex { .. }) => {}
        other => return other,
    }
    base64(text.as_bytes()).filter(|bytes| bytes.len() <= max).ok_or_else(|| {
        if text.len() / 4 * 3 > max {
            EncodingError::TooLong { what, max }
        } else {
            EncodingError::Unknown { what }
        }
    })
}

/// Reads base64 of either alphabet, with or without padding, over several lines or one.
pub(crate) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let one_line: Vec<u8> = text.iter().copied().filter(|b| !b"\r\n \t".contains(b)).collect();
    let alphabet = if one_line.iter().any(|b| b"-_".contains(b)) {
        alphabet::URL_SAFE
    } else {
        alphabet::STANDARD
    };
    GeneralPurpose::new(&alphabet, config).decode(one_line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits() {
        assert_eq!(hex("0xAb01", "x", 2), Ok(vec![0xab, 1]));
        assert_eq!(hex("ab01", "x", 2), Ok(vec![0xab, 1]));
        assert_eq!(hex("", "x", 2), Ok(vec![]));
        assert_eq!(hex("ab0", "x", 2), Err(EncodingError::OddLength { what: "x" }));
        assert_eq!(hex("0x0xab", "x", 9), Err(EncodingError::NotHex { what: "x" }));
        assert_eq!(hex("0Xab", "x", 9), Err(EncodingError::NotHex { what: "x" }));
        assert_eq!(hex("ababab", "x", 2), Err(EncodingError::TooLong { what: "x", max: 2 }));
        assert_eq!(
            hex_array::<2>("ab", "x"),
            Err(EncodingError::Length { what: "x", length: 1, expected: 2 })
        );
    }

    #[test]
    fn hexadecimal_wins_over_base64() {
        assert_eq!(text("abcd", "x", 9), Ok(vec![0xab, 0xcd]));
        assert_eq!(text(" q80=\n", "x", 9), Ok(vec![0xab, 0xcd]));
        assert_eq!(text("-_8", "x", 9), Ok(vec![0xfb, 0xff]));
        assert_eq!(text("\u{e9}", "x", 9), Err(EncodingError::Unknown { what: "x" }));
        assert_eq!(text(" ", "x", 9), Err(EncodingError::Empty { what: "x" }));
        assert_eq!(
            text(&"q80k".repeat(9), "x", 9),
            Err(EncodingError::TooLong { what: "x", max: 9 })
        );
    }
}
