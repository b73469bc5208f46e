//! Files that say from which commit an image was built. Signatures on them are not checked: what they say is claimed.

use crate::json::Json;

/// How large such a file may be, in bytes.
pub const MAX_PROVENANCE: usize = 4 << 20;

/// That something was built from a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The digest of the image, `sha256:...`; `None` if the file speaks of the app as a whole.
    pub digest: Option<String>,
    /// The commit.
    pub commit: String,
    /// Where the commit is, as the file says it.
    pub repository: Option<String>,
}

/// Why a file says nothing. A sentence without a full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvenanceError {
    /// It is larger than [`MAX_PROVENANCE`].
    #[error("a provenance file has at most {MAX_PROVENANCE} bytes")]
    TooLarge,
    /// Nothing in it names a commit in a way that is understood.
    #[error(
        "the provenance file names no commit: it has to be an in-toto statement with SLSA provenance (one, a list, or one a \
         line), or an attestation proof with source.commit"
    )]
    NothingFound,
}

/// Reads a file: in-toto statements with SLSA provenance 0.2 or 1, one, a list, or one a line; or the attestation proof
/// that templates for dstack apps publish.
///
/// # Errors
/// See [`ProvenanceError`].
pub fn read(bytes: &[u8]) -> Result<Vec<Statement>, ProvenanceError> {
    if bytes.len() > MAX_PROVENANCE {
        return Err(ProvenanceError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let documents = match Json::parse(text) {
        Ok(Json::Array(items)) => items,
        Ok(one) => vec![one],
        Err(_) => text.lines().filter_map(|line| Json::parse(line).ok()).collect(),
    };
    let statements: Vec<_> = documents.iter().flat_map(statements).collect();
    if statements.is_empty() { Err(ProvenanceError::NothingFound) } else { Ok(statements) }
}

fn statements(document: &Json) -> Vec<Statement> {
    let proof = document.get("source").and_then(|source| {
        Some(Statement {
            digest: None,
            commit: commit(source, "commit")?,
            repository: text(source, "repository"),
        })
    });
    let mut found: Vec<_> = proof.into_iter().collect();
    let Some(predicate) = document.get("predicate") else { return found };
    let Some(source) = source(predicate) else { return found };
    for subject in items(document.get("subject")) {
        let digest = subject.get("digest").and_then(|it| text(it, "sha256"));
        let digest = digest.filter(|it| it.len() == 64).map(|it| format!("sha256:{it}"));
        if digest.is_some() {
            found.push(Statement { digest, ..source.clone() });
        }
    }
    found
}

/// The commit that SLSA provenance names: what was resolved (1), what was configured or used (0.2).
fn source(predicate: &Json) -> Option<Statement> {
    let resolved = predicate.get("buildDefinition").and_then(|it| it.get("resolvedDependencies"));
    let configured = predicate.get("invocation").and_then(|it| it.get("configSource"));
    let candidates =
        items(resolved).iter().chain(configured).chain(items(predicate.get("materials")));
    candidates.into_iter().find_map(|it| {
        let digest = it.get("digest")?;
        let commit = commit(digest, "gitCommit").or_else(|| commit(digest, "sha1"))?;
        Some(Statement { digest: None, commit, repository: text(it, "uri") })
    })
}

fn items(value: Option<&Json>) -> &[Json] {
    match value {
        Some(Json::Array(items)) => items,
        _ => &[],
    }
}

fn text(value: &Json, key: &str) -> Option<String> {
    value.get(key).and_then(Json::as_str).map(crate::words::clip)
}

fn commit(value: &Json, key: &str) -> Option<String> {
    text(value, key).filter(|it| it.len() == 40 && it.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_form_names_the_commit() {
        let (digest, commit) = ("1".repeat(64), "a".repeat(40));
        let subject = json!([{"name": "x", "digest": {"sha256": digest}}]);
        let dependency = json!({"uri": "git+https://x", "digest": {"gitCommit": commit}});
        let one = json!({"subject": subject, "predicate": {"buildDefinition": {"resolvedDependencies": [dependency]}}});
        let old = json!({"subject": subject, "predicate": {"invocation": {"configSource": {"uri": "git+https://x", "digest": {"sha1": commit}}}}});
        let expected = Statement {
            digest: Some(format!("sha256:{digest}")),
            commit: commit.clone(),
            repository: Some("git+https://x".into()),
        };
        let lines = format!("{one}\n{old}\n");
        for text in [one.to_string(), old.to_string(), json!([one]).to_string(), lines] {
            assert_eq!(read(text.as_bytes()).unwrap()[0], expected, "{text}");
        }
        let proof = json!({"version": "1.0", "source": {"repository": "r", "commit": commit}});
        let expected = Statement { digest: None, commit, repository: Some("r".into()) };
        assert_eq!(read(proof.to_string().as_bytes()), Ok(vec![expected]));
    }

    #[test]
    fn a_file_that_names_no_commit_says_nothing() {
        for text in ["", "{}", "[]", "{\"source\":{\"commit\":\"main\"}}", "\u{0}"] {
            assert_eq!(read(text.as_bytes()), Err(ProvenanceError::NothingFound), "{text:?}");
        }
        assert_eq!(read(&vec![b' '; MAX_PROVENANCE + 1]), Err(ProvenanceError::TooLarge));
    }
}
