//! Certificates between `-----BEGIN CERTIFICATE-----` lines (RFC 7468).

use crate::{encoding, limits};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates of a PEM text in their order, DER encoded. Whatever stands outside of the lines is skipped, as
/// RFC 7468 wants it. `None` if one is cut off or no base64, or there are too many.
pub(crate) fn certificates(text: &str) -> Option<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once(BEGIN) {
        let (body, behind) = behind.split_once(END)?;
        if found.len() == limits::CERTIFICATES {
            return None;
        }
        found.push(encoding::base64(body.as_bytes())?);
        rest = behind;
    }
    Some(found)
}

/// Whether a text is meant to be PEM.
pub(crate) fn looks_like(text: &str) -> bool {
    text.contains(BEGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_in_their_order() {
        let pem = format!("# mine\n{BEGIN}\nAQI=\n{END}\r\n{BEGIN}\r\nAw\r\n==\r\n{END}");
        assert_eq!(certificates(&pem), Some(vec![vec![1, 2], vec![3]]));
        assert_eq!(certificates("nothing"), Some(vec![]));
        assert_eq!(certificates(&format!("{BEGIN}\nAQI=\n")), None);
        assert_eq!(certificates(&format!("{BEGIN}\n!\n{END}")), None);
        assert_eq!(certificates(&format!("{BEGIN}\nAQI=\n{END}\n").repeat(9)), None);
    }
}
