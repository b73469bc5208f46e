//! What people type: ids, hashes and moments, each refused with an example of how it looks.

use crate::{Finality, MAX_PAGE, When};
use alloy_primitives::{Address, B256};
use devproof_primitives::ComposeHash;
use jiff::Timestamp;

/// The longest piece of a wrong input that is quoted back, in characters.
const MAX_QUOTE: usize = 80;

/// An app id: 40 hexadecimal digits, with or without `0x`. If it has capitals in it, its EIP-55
/// checksum must hold.
///
/// # Errors
/// A sentence with an example.
pub fn app(text: &str) -> Result<Address, String> {
    let example = "an app id looks like 0x52908400098527886e0f7030069857d2e4169ee7";
    let digits = text.strip_prefix("0x").unwrap_or(text);
    // Parsing takes a prefix off as well, and one is enough.
    let address = Some(digits).filter(|digits| digits.len() == 40).and_then(|d| d.parse().ok());
    let address: Address = address.ok_or_else(|| format!("{example}, not {}", quote(text)))?;
    let mixed = digits.contains(|c: char| c.is_ascii_lowercase())
        && digits.contains(|c: char| c.is_ascii_uppercase());
    if mixed && address.to_checksum(None).get(2..) != Some(digits) {
        return Err(format!("the checksum of {} does not hold: a letter is wrong", quote(text)));
    }
    Ok(address)
}

/// A compose hash: 64 hexadecimal digits, with or without `0x`.
///
/// # Errors
/// A sentence with an example.
pub fn compose_hash(text: &str) -> Result<B256, String> {
    text.parse::<ComposeHash>().map(|hash| hash.0).map_err(|_| {
        format!(
            "a compose hash is 64 hexadecimal digits, as `sha256sum app-compose.json` prints them, \
             not {}",
            quote(text)
        )
    })
}

/// A moment: RFC 3339 with its offset, or Unix seconds. In Unix seconds.
///
/// # Errors
/// A sentence with an example.
pub fn time(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(seconds);
    }
    let time = text.parse::<Timestamp>().ok();
    time.and_then(|t| u64::try_from(t.as_second()).ok())
        .ok_or_else(|| format!("a time looks like 2026-03-01T12:00:00Z, not {}", quote(text)))
}

/// Which state is asked for: a block by number, hash or tag.
///
/// # Errors
/// A sentence with examples.
pub fn block(text: &str) -> Result<When, String> {
    if let Ok(number) = text.parse() {
        return Ok(When::Block(number));
    }
    if let Ok(tag) = text.parse::<Finality>() {
        return Ok(When::Tag(tag));
    }
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 64);
    digits.and_then(|digits| digits.parse().ok()).map(When::Hash).ok_or_else(|| {
        format!(
            "a block is a number such as 1234, a hash of 0x and 64 hexadecimal digits, or finalized, safe or unsafe, \
             not {}",
            quote(text)
        )
    })
}

/// Which state is asked for: a block by number, hash or tag, or a time that cannot be mistaken for one.
///
/// # Errors
/// A sentence with examples.
pub fn moment(text: &str) -> Result<When, String> {
    // A number that is too large for a block must not be taken for a time.
    let as_time = Some(text).filter(|text| text.contains('T')).and_then(|text| time(text).ok());
    as_time.map(When::Time).or_else(|| block(text).ok()).ok_or_else(|| {
        format!(
            "ask for a block by number such as 1234, by hash, or by tag (finalized, safe, unsafe), or for a time such as \
             2026-03-01T12:00:00Z, not {}",
            quote(text)
        )
    })
}

/// A salted commitment to a user: 64 hexadecimal digits, with or without `0x`.
///
/// # Errors
/// A sentence with an example.
pub fn commitment(text: &str) -> Result<B256, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let hash = Some(digits).filter(|digits| digits.len() == 64).and_then(|d| d.parse().ok());
    hash.ok_or_else(|| {
        format!(
            "a commitment is the userIdHash of a deletion, 0x and 64 hexadecimal digits, not {}",
            quote(text)
        )
    })
}

/// How many entries a page may have.
///
/// # Errors
/// A sentence with an example.
pub fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
    limit.ok_or_else(|| format!("a limit is a number from 1 to {MAX_PAGE}, not {}", quote(text)))
}

/// Quotes an input, with everything that is not plain text escaped, and cut short.
#[must_use]
pub fn quote(text: &str) -> String {
    let short: String = text.chars().take(MAX_QUOTE).collect();
    let dots = if text.chars().count() > MAX_QUOTE { "..." } else { "" };
    format!("{short:?}{dots}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_id_with_capitals_must_have_the_right_ones() {
        let right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        assert_eq!(app(right), app(&right.to_lowercase()));
        assert_eq!(app(right), app(&right.to_lowercase()[2..]));
        assert_eq!(
            app("0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed").unwrap_err(),
            "the checksum of \"0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed\" does not hold: a letter is wrong"
        );
        for wrong in [
            "",
            "0x",
            "0x12",
            &format!("{right}00"),
            "0x0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "é",
        ] {
            assert!(app(wrong).unwrap_err().starts_with("an app id looks like 0x"), "{wrong}");
        }
    }

    #[test]
    fn a_time_needs_its_offset() {
        assert_eq!(time("1970-01-01T00:01:00Z"), Ok(60));
        assert_eq!(time("1970-01-01T01:01:00+01:00"), Ok(60));
        assert_eq!(time("60"), Ok(60));
        for wrong in
            ["", "yesterday", "2026-03-01", "2026-03-01T12:00:00", "1969-01-01T00:00:00Z", "-1"]
        {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_quoted_is_short_and_plain() {
        assert_eq!(quote("\u{1b}[31m"), "\"\\u{1b}[31m\"");
        assert_eq!(quote(&"a".repeat(500)).len(), 85);
    }
}
