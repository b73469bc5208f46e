//! Which of its keys a hardware wallet uses.

use crate::SignerError;
use std::{fmt, str::FromStr};

/// The most steps that are taken; wallets use five, and the protocol of a Ledger has room for ten.
const MOST_STEPS: usize = 10;
/// The first index that BIP-32 keeps for hardened keys.
const HARDENED: u32 = 1 << 31;

/// A path of BIP-32, such as `m/44'/60'/0'/0/0`, as BIP-44 has it for the first account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DerivationPath(Vec<(u32, bool)>);

impl Default for DerivationPath {
    /// The first account, which is the same one for all wallets.
    fn default() -> Self {
        Self(vec![(44, true), (60, true), (0, true), (0, false), (0, false)])
    }
}

impl FromStr for DerivationPath {
    type Err = SignerError;

    /// # Errors
    /// [`SignerError::Path`], with no more of the text than fits into a sentence.
    fn from_str(text: &str) -> Result<Self, SignerError> {
        let bad = || SignerError::Path(text.chars().take(60).collect());
        let steps = text.strip_prefix("m/").ok_or_else(bad)?;
        let step = |step: &str| {
            let index = step.strip_suffix('\'').or_else(|| step.strip_suffix('h'));
            let digits = index.unwrap_or(step);
            // `parse` would take a plus sign.
            let known = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number: u32 = digits.parse().ok().filter(|_| known)?;
            (number < HARDENED).then_some((number, index.is_some()))
        };
        let steps: Option<Vec<_>> = steps.split('/').take(MOST_STEPS + 1).map(step).collect();
        steps.filter(|steps| steps.len() <= MOST_STEPS).map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for DerivationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("m")?;
        for (index, hardened) in &self.0 {
            write!(f, "/{index}{}", if *hardened { "'" } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_as_wallets_write_it() {
        for (text, shown) in [
            ("m/44'/60'/0'/0/0", "m/44'/60'/0'/0/0"),
            ("m/44h/60h/3h/0/7", "m/44'/60'/3'/0/7"),
            ("m/2147483647'", "m/2147483647'"),
        ] {
            assert_eq!(
                text.parse::<DerivationPath>().map(|path| path.to_string()),
                Ok(shown.into())
            );
        }
        assert_eq!("m/44'/60'/0'/0/0".parse(), Ok(DerivationPath::default()));
    }

    #[test]
    fn what_is_no_path_is_refused_and_not_repeated_at_length() {
        let deep = format!("m{}", "/0".repeat(11));
        let long = "x".repeat(1_000_000);
        for text in [
            "",
            "m",
            "m/",
            "44'/60'",
            "/44'",
            "m/44'/60'//0",
            "m/-1",
            "m/+1",
            "m/1''",
            "m/2147483648",
            "m/0x1",
            "m/١",
            "m/1/ 2",
            &deep,
            &long,
        ] {
            let error = text.parse::<DerivationPath>().unwrap_err().to_string();
            assert!(error.len() < 300 && error.contains("like m/44'/60'/0'/0/0"), "{error}");
        }
    }
}
