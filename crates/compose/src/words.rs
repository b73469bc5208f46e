//! Text out of a file, made fit to stand in a sentence.

/// How much of a text out of a file is repeated in a sentence, in characters: a whole image reference with
/// its digest fits.
const CLIPPED: usize = 160;

/// The beginning of a text, with an ellipsis where something is left out. Sentences and paths contain names
/// that a stranger chose; without a bound a thousand findings could repeat a megabyte each.
#[must_use]
pub(crate) fn clip(text: &str) -> String {
    clip_to(text, CLIPPED)
}

/// Likewise, at so many characters.
#[must_use]
pub(crate) fn clip_to(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

/// `a`, `a and b`, `a, b and c`; at most `most` of them are named.
#[must_use]
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let mut names: Vec<_> = names.into_iter().map(clip).collect();
    let more = names.len().saturating_sub(most);
    names.truncate(most);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    match names.pop() {
        None => String::new(),
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} and {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_and_long_lists_are_cut() {
        assert_eq!(clip("äb"), "äb");
        assert_eq!(clip(&"ä".repeat(161)), format!("{}...", "ä".repeat(160)));
        assert_eq!(list([], 3), "");
        assert_eq!(list(["a"], 3), "a");
        assert_eq!(list(["a", "b", "c"], 3), "a, b and c");
        assert_eq!(list(["a", "b", "c", "d"], 2), "a, b and 2 more");
    }
}
