//! Variables as compose interpolates them: `$NAME`, `${NAME}`, `${NAME:-default}`, `$$` for a dollar.

/// How deep defaults in defaults are followed to say what stands there without values.
const MAX_DEPTH: usize = 8;

/// How far the end of a `${...}` is looked for, in bytes. Where it is farther, the name still counts.
const MAX_BRACES: usize = 1024;

/// A place in a text where a value is put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// What stands there if there is no value: `${NAME:-default}` or `${NAME-default}`.
    pub default: Option<String>,
}

/// A part of a text.
enum Part<'a> {
    Text(&'a str),
    Variable { name: &'a str, default: Option<&'a str> },
}

/// Every variable of a text, those in defaults as well, however deep.
#[must_use]
pub fn variables(text: &str) -> Vec<Variable> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(dollar) = rest.find('$') {
        let (part, _) = part(rest.get(dollar + 1..).unwrap_or_default());
        // What follows the name is looked at in its turn: variables in a default are found without recursion.
        let length = match part {
            Part::Text(_) => {
                1 + usize::from(rest.get(dollar + 1..).unwrap_or_default().starts_with('$'))
            }
            Part::Variable { name, default } => {
                found.push(Variable { name: name.to_owned(), default: default.map(str::to_owned) });
                1 + name.len()
            }
        };
        rest = rest.get(dollar + length..).unwrap_or_default();
    }
    found
}

/// The text as it is where no variable has a value: defaults, and nothing.
#[must_use]
pub fn without_values(text: &str) -> String {
    let mut resolved = String::new();
    resolve(text, MAX_DEPTH, &mut resolved);
    resolved
}

fn resolve(text: &str, depth: usize, resolved: &mut String) {
    if depth == 0 {
        return;
    }
    for part in parts(text) {
        match part {
            Part::Text(text) => resolved.push_str(text),
            Part::Variable { default, .. } => {
                resolve(default.unwrap_or_default(), depth - 1, resolved);
            }
        }
    }
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(dollar) = rest.find('$') {
        let (before, after) = (rest.get(..dollar), rest.get(dollar + 1..).unwrap_or_default());
        parts.extend(before.filter(|text| !text.is_empty()).map(Part::Text));
        let (part, length) = part(after);
        parts.push(part);
        rest = after.get(length..).unwrap_or_default();
    }
    parts.extend(Some(rest).filter(|text| !text.is_empty()).map(Part::Text));
    parts
}

/// What a dollar means, by what stands after it, and how much of that belongs to it.
fn part(after: &str) -> (Part<'_>, usize) {
    let inside = after.strip_prefix('{');
    match inside {
        _ if after.starts_with('$') => (Part::Text("$"), 1),
        _ if name(inside.unwrap_or(after)).is_empty() => (Part::Text("$"), 0),
        Some(inside) => match braced(inside) {
            Some(inside) => (variable(inside), inside.len() + 2),
            None => (variable(name(inside)), name(inside).len() + 1),
        },
        None => (variable(name(after)), name(after).len()),
    }
}

/// What stands before the brace that closes this one, if there is one near enough.
fn braced(text: &str) -> Option<&str> {
    let (mut open, mut before) = (1_usize, 0);
    for (at, byte) in text.bytes().enumerate().take(MAX_BRACES) {
        match byte {
            b'{' if before == b'$' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return text.get(..at);
        }
        before = byte;
    }
    None
}

fn variable(inside: &str) -> Part<'_> {
    let name = name(inside);
    let rest = inside.get(name.len()..).unwrap_or_default();
    Part::Variable { name, default: rest.strip_prefix(':').unwrap_or(rest).strip_prefix('-') }
}

fn name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let name = text.get(..end).unwrap_or_default();
    if name.starts_with(|c: char| c.is_ascii_digit()) { "" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, Option<String>)> {
        variables(text).into_iter().map(|v| (v.name, v.default)).collect()
    }

    #[test]
    fn every_form_is_read() {
        let some = |name: &str, default: Option<&str>| vec![(name.into(), default.map(Into::into))];
        assert_eq!(found("a$A-b"), some("A", None));
        assert_eq!(found("${A}"), some("A", None));
        assert_eq!(found("${A:-b}c"), some("A", Some("b")));
        assert_eq!(found("${A-}"), some("A", Some("")));
        assert_eq!(found("${A:?say}"), some("A", None));
        assert_eq!(found("$$A $1 $ ${} ${1}"), []);
        assert_eq!(found("${A"), some("A", None));
        let inner = [("A".into(), Some("${B:-c}".into())), ("B".into(), Some("c".into()))];
        assert_eq!(found("${A:-${B:-c}}"), inner);
        assert_eq!(found("${A:+$B}"), [("A".into(), None), ("B".into(), None)]);
    }

    #[test]
    fn without_values_defaults_stand() {
        assert_eq!(without_values("a/${A:-b${C:-d}}:$E-$$x"), "a/bd:-$x");
        let unclosed = format!("{}{}", "${A:-".repeat(20_000), "}".repeat(10));
        assert_eq!(variables(&unclosed).len(), 20_000);
    }
}
