//! Collateral on disk: a cache of what is valid, and an archive of what was.
//!
//! A file is called `<FMSPC>-<CA>.<SHA-256 of its bytes>.json` and never changes. A verdict names that SHA-256, so that it
//! can be repeated years later, at its own time. Only collateral under which a quote verified is kept, and never with
//! the certificates of a platform in it, since it serves every platform of the family.

use crate::{Http, Pccs};
use alloy_primitives::hex;
use devproof_attestation::{CheckId, Collateral, Outcome, TdxQuote, Verdict, limits};
use jiff::Timestamp;
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// Seconds before the end of its validity from which on newer collateral is asked for: it is given out for thirty days.
const FRESH: u64 = 7 * 86_400;
/// Files of one family of platforms that are looked at. One a month is usual.
const MAX_FILES: usize = 1024;

/// Why there is no collateral, in a sentence without a full stop.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The quote does not say which platform it is of.
    #[error("the quote names no family of platforms by which collateral could be found")]
    NoFamily,
    /// There is none on disk that is valid, and nobody could be asked.
    #[error(
        "none is at hand that is valid at this time, and nobody was asked; name a service, or a file with collateral"
    )]
    NobodyAsked,
    /// There is none on disk that is valid, and no service gave any.
    #[error("none is at hand that is valid at this time, and none could be had: {0}")]
    NotHad(String),
    /// The folder cannot be written or read.
    #[error("{path}: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Where collateral came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From the folder.
    Kept,
    /// From the folder, because the services could not be asked, or gave older; with what became of that.
    Instead(String),
    /// From a service, by its URL.
    Service(String),
}

/// Collateral that was found. Nothing in it is believed before it served to verify a quote.
#[derive(Clone, Debug)]
pub struct Found {
    /// The collateral.
    pub collateral: Collateral,
    /// Where it came from.
    pub origin: Origin,
    json: String,
    family: String,
}

/// Where collateral is looked for: a folder, then services in their order.
#[derive(Clone, Debug)]
pub struct Collaterals {
    http: Http,
    services: Vec<Pccs>,
    folder: Option<PathBuf>,
}

impl Collaterals {
    /// Looks in `folder`, if there is one, and asks `services`, of which there may be none.
    #[must_use]
    pub const fn new(http: Http, services: Vec<Pccs>, folder: Option<PathBuf>) -> Self {
        Self { http, services, folder }
    }

    /// Collateral for a quote at a time, Unix seconds.
    ///
    /// What is on disk serves while it is valid. A week before its end newer is asked for, and taken if it is not older:
    /// a service that gives what Intel said before its last evaluation would hide what that found.
    ///
    /// # Errors
    /// [`CacheError`]: never collateral that is known to be out of date.
    pub async fn find(&self, quote: &TdxQuote, now: u64) -> Result<Found, CacheError> {
        let (Some(fmspc), Some(ca)) = (quote.fmspc(), quote.ca()) else {
            return Err(CacheError::NoFamily);
        };
        let family = format!("{}-{ca}", hex::encode(fmspc));
        let kept = self.kept(&family, now).await;
        if let Some(found) = &kept
            && (self.services.is_empty() || lasts(&found.collateral, now.saturating_add(FRESH)))
        {
            return Ok(found.clone());
        }
        let mut why = None;
        for service in &self.services {
            match self.ask(service, fmspc, ca, &family, now).await {
                Ok(found) => return Ok(newer(kept, found)),
                Err(reason) => {
                    why.get_or_insert_with(|| format!("{}: {reason}", service.name()));
                }
            }
        }
        match (kept, why) {
            (Some(found), Some(why)) => Ok(Found { origin: Origin::Instead(why), ..found }),
            (Some(found), None) => Ok(found),
            (None, Some(why)) => Err(CacheError::NotHad(why)),
            (None, None) => Err(CacheError::NobodyAsked),
        }
    }

    async fn ask(
        &self,
        service: &Pccs,
        fmspc: [u8; 6],
        ca: &str,
        family: &str,
        now: u64,
    ) -> Result<Found, String> {
        let json = service.collateral(&self.http, fmspc, ca).await.map_err(|e| e.to_string())?;
        let collateral = Collateral::parse(&json).map_err(|e| e.to_string())?;
        if !collateral.fmspc().is_some_and(|said| said.eq_ignore_ascii_case(&hex::encode(fmspc))) {
            return Err("what it gave is of another family of platforms".to_owned());
        }
        if !lasts(&collateral, now) {
            return Err("what it gave is not of this time".to_owned());
        }
        let (origin, family) = (Origin::Service(service.name()), family.to_owned());
        Ok(Found { collateral, origin, json, family })
    }

    /// The newest of a family in the folder that is valid at a time. What cannot be read or is not what its name says is
    /// passed over.
    async fn kept(&self, family: &str, now: u64) -> Option<Found> {
        let (folder, family) = (self.folder.clone()?, family.to_owned());
        let read = tokio::task::spawn_blocking(move || read(&folder, &family, now));
        read.await.ok().flatten()
    }

    /// Keeps collateral, if the verdict shows that it serves. Gives whether it is on disk then.
    ///
    /// # Errors
    /// [`CacheError::Folder`].
    pub fn keep(&self, found: &Found, verdict: &Verdict) -> Result<bool, CacheError> {
        let serves =
            verdict.check(CheckId::Collateral).is_some_and(|it| it.result == Outcome::Pass);
        let digest = found.collateral.digest();
        let Some(folder) = self.folder.as_deref().filter(|_| serves) else { return Ok(false) };
        let failed = |source| CacheError::Folder { path: folder.display().to_string(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let path = folder.join(format!("{}.{}.json", found.family, hex::encode(digest)));
        if path.exists() {
            return Ok(true);
        }
        // Whole or not at all: somebody may read the folder meanwhile.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(found.json.as_bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|e| failed(e.error))?;
        Ok(true)
    }
}

fn read(folder: &Path, family: &str, now: u64) -> Option<Found> {
    let prefix = format!("{family}.");
    let files = fs::read_dir(folder).ok()?.flatten();
    let files =
        files.filter(|file| file.file_name().to_str().is_some_and(|it| it.starts_with(&prefix)));
    let mut best = None;
    for file in files.take(MAX_FILES) {
        let Ok(json) = text(&file.path()) else { continue };
        let Ok(collateral) = Collateral::parse(&json) else { continue };
        let name = format!("{prefix}{}.json", hex::encode(collateral.digest()));
        if file.file_name().to_str() != Some(name.as_str()) || !lasts(&collateral, now) {
            continue;
        }
        let found = Found { collateral, origin: Origin::Kept, json, family: family.to_owned() };
        best = Some(newer(best, found));
    }
    best
}

fn text(path: &Path) -> io::Result<String> {
    let limit = u64::try_from(limits::COLLATERAL).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = String::new();
    File::open(path)?.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

/// Whether collateral says that it is valid at a time.
fn lasts(collateral: &Collateral, at: u64) -> bool {
    let Some(at) = i64::try_from(at).ok().and_then(|at| Timestamp::from_second(at).ok()) else {
        return false;
    };
    collateral.issued().is_some_and(|issued| issued <= at)
        && collateral.next_update().is_some_and(|end| at < end)
}

/// That of the later evaluation, or issued later.
fn newer(one: Option<Found>, other: Found) -> Found {
    let age = |it: &Found| (it.collateral.evaluation_data_number(), it.collateral.issued());
    match one {
        Some(one) if age(&one) > age(&other) => {
            let why = match &other.origin {
                Origin::Service(url) => {
                    format!("{url}: what it gave is older than what is at hand")
                }
                Origin::Kept | Origin::Instead(_) => return one,
            };
            Found { origin: Origin::Instead(why), ..one }
        }
        _ => other,
    }
}
