//! The rules, by what they look at.

pub(super) mod images;
pub(super) mod inputs;
pub(super) mod privileges;
pub(super) mod scripts;
pub(super) mod settings;

/// Commands that bring code from elsewhere. Each is looked for as a word.
const FETCHES: [&str; 14] = [
    "curl",
    "wget",
    "git clone",
    "pip install",
    "pip3 install",
    "npm install",
    "npx",
    "apt-get install",
    "apt install",
    "apk add",
    "cargo install",
    "go install",
    "docker pull",
    "docker run",
];

/// The commands in a text that bring code from elsewhere.
fn fetches(text: &str) -> Vec<&'static str> {
    FETCHES.into_iter().filter(|command| has_word(text, command)).collect()
}

/// Whether a text holds a word, or words with a space between them, that nothing else belongs to.
fn has_word(text: &str, word: &str) -> bool {
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text.get(..at), text.get(at + word.len()..));
        !joins(before.and_then(|it| it.chars().next_back()))
            && !joins(after.and_then(|it| it.chars().next()))
    })
}

/// Whether a text names a whole git commit: 40 hexadecimal digits.
fn names_commit(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.into_iter().any(|word| word.len() == 40 && word.bytes().all(|b| b.is_ascii_hexdigit()))
}
