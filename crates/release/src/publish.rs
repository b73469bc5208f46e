//! What a release can show for itself, written down. Everything is computed before anything is written.

use crate::{
    Config, Files, Git, Judge, Judged, Ledger, Proof, ReleaseError, Written,
    check::compose,
    evidence::{Exhibit, judge},
    files::{
        COLLATERAL_FILE, COMPOSE_FILE, DEPLOYMENTS_FILE, EVIDENCE_FILE, NOTES_FILE, PROOF_FILE,
        REPORT_FILE, WELL_KNOWN_FILE, read,
    },
    ledger::head,
    proof::{Claims, images, sha256},
    render,
};
use alloy_primitives::B256;
use devproof_chain::Node;
use devproof_compose::AppCompose;
use devproof_operator::Finality;
use std::path::{Path, PathBuf};

/// What is published.
#[derive(Debug)]
pub struct Publishing<'a> {
    /// The root of the repository.
    pub root: &'a Path,
    /// What is released.
    pub config: &'a Config,
    /// The node that is asked.
    pub node: &'a Node,
    /// Up to where the chain is believed.
    pub finality: Finality,
    /// Evidence of an instance; `None` for what was published of the same version before.
    pub evidence: Option<Given>,
    /// How it is judged.
    pub judge: Judge,
}

/// Evidence as it was given.
#[derive(Clone, Debug)]
pub struct Given {
    /// The evidence, in any of the forms that are read.
    pub evidence: Vec<u8>,
    /// The collateral, where it is not in there.
    pub collateral: Option<Vec<u8>>,
    /// The time at which to judge it, Unix seconds; `None` for the one in there.
    pub time: Option<u64>,
}

/// What was published.
#[derive(Debug)]
pub struct Published {
    /// The document for machines.
    pub proof: Proof,
    /// The summary that anybody can pass on, at most 280 characters.
    pub summary: String,
    /// Where the files are.
    pub folder: PathBuf,
    /// What became of each.
    pub written: Vec<(&'static str, Written)>,
}

/// Publishes a release: the same one always as the same files. Run again it changes nothing; interrupted, it is run again.
///
/// # Errors
/// [`ReleaseError::Refused`] if what is here is not in a commit, was not announced in a block that is final enough, or the
/// evidence is of something else; or whatever keeps it from an answer. Nothing is written then.
pub async fn publish(publishing: Publishing<'_>) -> Result<Published, ReleaseError> {
    let Publishing { root, config, node, .. } = &publishing;
    let serves = node.chain_id();
    if serves != config.chain {
        return Err(ReleaseError::Usage(format!(
            "the node serves chain {serves}, and the release is on chain {}: name a node of that chain",
            config.chain
        )));
    }
    let git = Git::open(root).await?;
    let changed = git.changed(&config.out).await?;
    if let Some(first) = changed.first() {
        return Err(ReleaseError::Refused(format!(
            "{} files differ from the commit, {} among them: commit what is to be released",
            changed.len(),
            crate::text::clip(first, 100)
        )));
    }
    let (head, commit) = git.commits(&config.out).await?;
    let bytes = compose(root, config)?;
    if git.file(&head, &config.compose).await?.as_deref() != Some(bytes.as_slice()) {
        return Err(ReleaseError::Refused(format!(
            "{} does not stand in the commit to the byte: see `devproof release check`",
            config.compose
        )));
    }
    let document = AppCompose::parse(&bytes)
        .map_err(|error| ReleaseError::Usage(format!("{}: {error}", config.compose)))?;
    let images = images(&document).ok_or_else(|| {
        ReleaseError::Refused("the compose file cannot be read: see `devproof compose lint`".into())
    })?;
    let version = document.hash().0;

    let (ledger, through) = of_chain(&publishing).await?;
    let row = ledger.version(version).ok_or_else(|| {
        let wanted = match publishing.finality {
            Finality::Unsafe => "on the chain",
            finality => finality.name(),
        };
        ReleaseError::Refused(format!(
            "the version {version:#x} was not announced in a block that is {wanted}: run `devproof propose`, or wait"
        ))
    })?;

    // The commit that the announcement named is the one that was announced, whatever was committed since: if it has the file.
    let commit = match row.source.as_ref().and_then(|source| commit_in(source.digest)) {
        Some(named) if git.file(&named, &config.compose).await?.as_ref() == Some(&bytes) => named,
        _ => commit,
    };
    let folder = root.join(&config.out);
    let mut files = Files::default();
    let mut claims = Claims::new(config, commit.clone());
    if let Some(given) = publishing.evidence.clone().or_else(|| before(&folder, version)) {
        claims.evidence = Some(of_instance(&publishing, &given, &bytes, version)?);
        files.put(EVIDENCE_FILE, given.evidence);
        if let Some(collateral) = given.collateral {
            files.put(COLLATERAL_FILE, collateral);
        }
    }
    let (tag, commits) = git.since_tag(&commit, &config.out).await?;
    let notes = render::notes(version, &commit, tag.as_deref(), &commits);
    claims.files.insert(NOTES_FILE.to_owned(), sha256(notes.as_bytes()));
    let proof = Proof::new(&ledger, row, through, &document, images, claims);
    let summary = render::summary(&proof);
    files.put(NOTES_FILE, notes);
    files.put(COMPOSE_FILE, bytes);
    files.put(DEPLOYMENTS_FILE, render::deployments(&ledger, through));
    files.put(REPORT_FILE, render::report(&proof));
    files.put(WELL_KNOWN_FILE, proof.bytes());
    files.put(PROOF_FILE, proof.bytes());
    let written = files.write(&folder)?;
    Ok(Published { proof, summary, folder, written })
}

/// The commit of 20 bytes that a digest on the chain seems to name.
fn commit_in(digest: B256) -> Option<String> {
    let digits = format!("{digest:x}");
    let (zeros, commit) = digits.split_at_checked(24)?;
    let named = zeros.bytes().all(|b| b == b'0') && commit.bytes().any(|b| b != b'0');
    named.then(|| commit.to_owned())
}

/// What the chain says up to where it is final enough, and the block of the last log there.
async fn of_chain(
    publishing: &Publishing<'_>,
) -> Result<(Ledger, devproof_primitives::BlockRef), ReleaseError> {
    let Publishing { node, config, finality, .. } = publishing;
    let head = head(node.heads().await?, *finality).ok_or_else(|| {
        ReleaseError::CouldNotTell(format!(
            "the node names no {} block: ask one that does, or say with --finality what is enough",
            finality.name()
        ))
    })?;
    let ledger = Ledger::read(node, config.app, None, head).await?;
    let through = ledger.through(head.number).ok_or_else(|| {
        ReleaseError::CouldNotTell(
            "the contract has no logs: check the address and the chain".into(),
        )
    })?;
    Ok((ledger, through))
}

/// What came of the evidence, if it is of this version.
fn of_instance(
    publishing: &Publishing<'_>,
    given: &Given,
    compose: &[u8],
    version: B256,
) -> Result<Judged, ReleaseError> {
    let exhibit = Exhibit {
        evidence: &given.evidence,
        collateral: given.collateral.as_deref(),
        compose,
        time: given.time,
    };
    let judged = judge(&exhibit, &publishing.judge)?;
    if let Some(why) = judged.of_another(publishing.config.app, version) {
        return Err(ReleaseError::Refused(format!(
            "{} Give evidence of what is released",
            why.trim_end_matches('.').to_owned() + ":"
        )));
    }
    if judged.overall == "fail" {
        return Err(ReleaseError::Refused(
            "the evidence does not verify, and is not published: see `devproof verify`".into(),
        ));
    }
    Ok(judged)
}

/// The evidence that was published of the same version before: to publish again does not lose it.
fn before(folder: &Path, version: B256) -> Option<Given> {
    let read = |name| read(&folder.join(name)).ok().flatten();
    let proof: Proof = serde_json::from_slice(&read(PROOF_FILE)?).ok()?;
    let judged = proof.evidence.filter(|_| proof.version.compose_hash == version)?;
    let evidence = read(EVIDENCE_FILE).filter(|bytes| sha256(bytes) == judged.evidence)?;
    let collateral = match judged.collateral {
        Some(hash) => Some(read(COLLATERAL_FILE).filter(|bytes| sha256(bytes) == hash)?),
        None => None,
    };
    Some(Given { evidence, collateral, time: Some(judged.time()) })
}
