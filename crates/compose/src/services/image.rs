//! References to container images.

use schemars::JsonSchema;
use serde::Serialize;

/// A reference as written, and its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// As written.
    pub reference: String,
    /// Registry and name.
    pub repository: String,
    /// What follows the colon; a tag can be moved to another image at any time.
    pub tag: Option<String>,
    /// `sha256:` and 64 hexadecimal digits; names one image for ever.
    pub digest: Option<String>,
}

impl Image {
    /// Takes a reference apart. A digest that is none counts as absent.
    #[must_use]
    pub fn new(reference: &str) -> Self {
        let trimmed = reference.trim();
        let (named, digest) = match trimmed.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (trimmed, None),
        };
        // A colon before the last slash is that of a port.
        let name_at = named.rfind('/').map_or(0, |slash| slash + 1);
        let tag_at = named.get(name_at..).and_then(|name| name.find(':')).map(|at| name_at + at);
        let (repository, tag) = match tag_at {
            Some(at) => (named.get(..at).unwrap_or(named), named.get(at + 1..)),
            None => (named, None),
        };
        let whole = |digest: &&str| {
            let digits = digest.strip_prefix("sha256:").unwrap_or_default();
            digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        Self {
            reference: trimmed.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.filter(whole).map(str::to_owned),
        }
    }

    /// The commit that the tag seems to name: 40 hexadecimal digits, or 7 or more after `sha-` or `git-`.
    #[must_use]
    pub fn commit_in_tag(&self) -> Option<&str> {
        let tag = self.tag.as_deref()?;
        let marked = ["sha-", "git-"].iter().find_map(|mark| tag.strip_prefix(mark));
        let hex = |text: &&str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let commit = marked.filter(|commit| (7..=40).contains(&commit.len()));
        commit.or(Some(tag).filter(|tag| tag.len() == 40)).filter(hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let parts = |reference: &str| {
            let it = Image::new(reference);
            (it.repository, it.tag, it.digest)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parts("nginx"), ("nginx".into(), None, None));
        assert_eq!(parts("a:5000/b"), ("a:5000/b".into(), None, None));
        assert_eq!(parts("a:5000/b:c"), ("a:5000/b".into(), some("c"), None));
        let pinned = format!("a/b:c@{digest}");
        assert_eq!(parts(&pinned), ("a/b".into(), some("c"), Some(digest)));
        // A digest in capitals, cut short, or of another hash is none.
        for bad in ["sha256:abc", &format!("sha256:{}", "0A".repeat(32)), "sha512:00"] {
            assert_eq!(parts(&format!("a@{bad}")), ("a".into(), None, None));
        }
    }

    #[test]
    fn a_tag_may_name_a_commit() {
        let commit = |tag: &str| Image::new(&format!("a:{tag}")).commit_in_tag().map(str::to_owned);
        assert_eq!(commit("sha-abc1234"), Some("abc1234".into()));
        assert_eq!(commit(&"ab".repeat(20)), Some("ab".repeat(20)));
        assert_eq!(commit("abc1234"), None);
        assert_eq!(commit("sha-xyz1234"), None);
        assert_eq!(commit("latest"), None);
    }
}
