//! Files that people name, read no further than they may be long.

use crate::Failure;
use devproof_api::parse::quote;
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// The bytes of a file, or of standard input if it is `-`. One byte more than `max` at most: whoever reads them says
/// that they are too many.
pub(super) fn bytes(path: &Path, max: usize) -> Result<Vec<u8>, Failure> {
    let name = quote(&path.display().to_string());
    let could_not = |e: io::Error| Failure::CouldNotTell(format!("{name} could not be read ({e})"));
    let from: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(could_not)?)
    };
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    from.take(limit).read_to_end(&mut bytes).map_err(could_not)?;
    Ok(bytes)
}

/// The text of a file, likewise.
pub(super) fn text(path: &Path, max: usize) -> Result<String, Failure> {
    let name = quote(&path.display().to_string());
    String::from_utf8(bytes(path, max)?)
        .map_err(|_| Failure::Usage(format!("{name} is not UTF-8 text")))
}
