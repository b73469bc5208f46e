//! YAML as Docker's compose reads it, within bounds.
//!
//! saphyr-parser gives events with anchors unresolved; the tree is built here, because a library's own tree either
//! follows every alias (a few lines can stand for gigabytes) or takes the last of two equal keys (Docker refuses
//! them). What this module does not understand is an error, never left out.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use std::collections::{BTreeSet, HashMap};

/// How deep nodes may be nested.
pub const MAX_DEPTH: usize = 64;
/// How many nodes a file may stand for, with every alias followed.
pub const MAX_NODES: usize = 100_000;
/// How many bytes of text it may stand for, likewise.
pub const MAX_TEXT: usize = 8 << 20;

/// A node and the line on which it begins, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The node.
    pub value: Value,
    /// Its line.
    pub line: usize,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing: `null`, `~`, or no text at all.
    Null,
    /// Text, however it is quoted. Compose decides by the key what a scalar means.
    Scalar(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Names and nodes in the order of the file, without repetitions, merge keys resolved.
    Mapping(Vec<(String, Node)>),
}

/// Why a text cannot be read as YAML of Docker's compose. A clause that follows "because".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// It breaks the grammar.
    #[error("it is no YAML ({0})")]
    Syntax(String),
    /// It is too deep, or stands for too much.
    #[error(
        "it is nested deeper than {MAX_DEPTH} levels or stands for more than {MAX_NODES} values or {MAX_TEXT} bytes"
    )]
    TooLarge,
    /// Two entries of a mapping have the same name.
    #[error("line {line} repeats the name {name}")]
    Repeated {
        /// The name.
        name: String,
        /// Where the second one stands.
        line: usize,
    },
    /// There are several documents in it.
    #[error("it holds more than one document")]
    Documents,
    /// A tag or a key of a kind that compose files do not have, or `<<` with something that cannot be merged.
    #[error("line {0} has a tag or a key that is not understood")]
    NotUnderstood(usize),
    /// A character that ends a line for Docker's parser and not for ours, or the other way round: what is a comment to
    /// one is a setting to the other.
    #[error("line {0} has a character that parsers take differently")]
    Ambiguous(usize),
    /// An alias to something that does not exist, or contains the alias.
    #[error("line {0} refers to an anchor that is not there")]
    BadAlias(usize),
}

impl Node {
    /// The entry of a name, if it is a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.mapping().iter().find(|(k, _)| k == key).map(|(_, node)| node)
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping; nothing for anything else.
    #[must_use]
    pub fn mapping(&self) -> &[(String, Self)] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; a scalar is a list of one, as for most keys of compose.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::Sequence(items) => items,
            Value::Scalar(_) => std::slice::from_ref(self),
            _ => &[],
        }
    }

    /// Every scalar in it, with its line. Keys are not among them: compose does not look at them.
    pub fn scalars(&self) -> Vec<(&str, usize)> {
        let (mut found, mut left) = (Vec::new(), vec![self]);
        while let Some(node) = left.pop() {
            match &node.value {
                Value::Null => {}
                Value::Scalar(text) => found.push((text.as_str(), node.line)),
                Value::Sequence(items) => left.extend(items.iter().rev()),
                Value::Mapping(entries) => left.extend(entries.iter().rev().map(|(_, n)| n)),
            }
        }
        found
    }

    /// The node on one line, the same for two nodes that say the same: `{a: 1, b: [x, y]}`.
    #[must_use]
    pub fn flat(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Scalar(text) => text.clone(),
            Value::Sequence(items) => {
                format!("[{}]", items.iter().map(Self::flat).collect::<Vec<_>>().join(", "))
            }
            Value::Mapping(entries) => {
                let entry = |(key, node): &(String, Self)| format!("{key}: {}", node.flat());
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// Reads a text that holds one document.
///
/// # Errors
/// See [`YamlError`].
pub fn parse(text: &str) -> Result<Node, YamlError> {
    // YAML 1.1, which Docker's parser follows, ends lines at NEL, LS and PS; YAML 1.2 does not.
    if let Some(at) = text.find(['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}', '\0']) {
        let before = text.get(..at).unwrap_or_default();
        return Err(YamlError::Ambiguous(before.matches('\n').count() + 1));
    }
    let mut builder = Builder::new(text);
    let mut root = None;
    loop {
        match builder.next()? {
            (Event::StreamEnd, _) => break,
            (
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd,
                _,
            ) => {}
            (event, span) => {
                if root.is_some() {
                    return Err(YamlError::Documents);
                }
                root = Some(builder.node(event, span, MAX_DEPTH)?);
            }
        }
    }
    Ok(root.unwrap_or(Node { value: Value::Null, line: 1 }))
}

/// What a node costs: how many nodes, how many bytes of text.
#[derive(Clone, Copy, Default)]
struct Cost {
    nodes: usize,
    text: usize,
}

struct Builder<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, (Node, Cost)>,
    spent: Cost,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        Self { parser: Parser::new_from_str(text), anchors: HashMap::new(), spent: Cost::default() }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        match self.parser.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(YamlError::Syntax(error.to_string())),
            None => Err(YamlError::Syntax("it ends too early".to_owned())),
        }
    }

    fn spend(&mut self, nodes: usize, text: usize) -> Result<(), YamlError> {
        self.spent.nodes = self.spent.nodes.saturating_add(nodes);
        self.spent.text = self.spent.text.saturating_add(text);
        let within = self.spent.nodes <= MAX_NODES && self.spent.text <= MAX_TEXT;
        within.then_some(()).ok_or(YamlError::TooLarge)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, YamlError> {
        let line = span.start.line();
        let depth = depth.checked_sub(1).ok_or(YamlError::TooLarge)?;
        let before = self.spent;
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let (node, cost) = known.ok_or(YamlError::BadAlias(line))?;
                // Paid for before anything else is made of it.
                self.spend(cost.nodes, cost.text)?;
                return Ok(Node { value: node.value, line });
            }
            Event::Scalar(text, style, anchor, tag) => {
                understood(tag.as_deref(), &["str", "int", "bool", "float", "null"], line)?;
                self.spend(1, text.len())?;
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let null = plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::Scalar(text.into_owned()) };
                (anchor, value)
            }
            Event::SequenceStart(anchor, tag) => {
                understood(tag.as_deref(), &["seq"], line)?;
                self.spend(1, 0)?;
                (anchor, Value::Sequence(self.sequence(depth)?))
            }
            Event::MappingStart(anchor, tag) => {
                understood(tag.as_deref(), &["map"], line)?;
                self.spend(1, 0)?;
                (anchor, Value::Mapping(self.mapping(depth)?))
            }
            _ => return Err(YamlError::NotUnderstood(line)),
        };
        let node = Node { value, line };
        if anchor != 0 {
            let cost = Cost {
                nodes: self.spent.nodes - before.nodes,
                text: self.spent.text - before.text,
            };
            // The copy that is kept is paid for as well: there may be as many anchors as nodes.
            self.spend(cost.nodes, cost.text)?;
            self.anchors.insert(anchor, (node.clone(), cost));
        }
        Ok(node)
    }

    fn sequence(&mut self, depth: usize) -> Result<Vec<Node>, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Vec<(String, Node)>, YamlError> {
        let mut entries = Vec::new();
        let mut merged = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            let (event, span) = self.next()?;
            let line = span.start.line();
            let merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, _) if text == "<<");
            let name = match event {
                Event::MappingEnd => break,
                event => match self.node(event, span, depth)?.value {
                    Value::Scalar(name) => name,
                    _ => return Err(YamlError::NotUnderstood(line)),
                },
            };
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth)?;
            if !seen.insert(name.clone()) {
                return Err(YamlError::Repeated { name: crate::words::clip(&name), line });
            }
            if merge {
                let sources = match &node.value {
                    Value::Mapping(_) => std::slice::from_ref(&node),
                    Value::Sequence(items) => items.as_slice(),
                    _ => return Err(YamlError::NotUnderstood(line)),
                };
                for source in sources {
                    match &source.value {
                        Value::Mapping(entries) => merged.extend(entries.iter().cloned()),
                        _ => return Err(YamlError::NotUnderstood(line)),
                    }
                }
            } else {
                entries.push((name, node));
            }
        }
        // What is written wins over what is merged, and of that the first.
        let mut seen: BTreeSet<String> = entries.iter().map(|(name, _)| name.clone()).collect();
        entries.extend(merged.into_iter().filter(|(name, _)| seen.insert(name.clone())));
        Ok(entries)
    }
}

/// A tag that changes nothing for compose. `!reset` and `!override`, which do, are for several files.
fn understood(tag: Option<&Tag>, names: &[&str], line: usize) -> Result<(), YamlError> {
    match tag {
        None => Ok(()),
        Some(tag) if tag.is_yaml_core_schema() && names.contains(&tag.suffix.as_str()) => Ok(()),
        Some(_) => Err(YamlError::NotUnderstood(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_aliases_and_lines() {
        let text = "x: &x\n  image: a\n  user: \"1\"\nservices:\n  web:\n    <<: *x\n    image: b\n    null: ~\n";
        let node = parse(text);
        assert_eq!(node, Err(YamlError::NotUnderstood(8)), "a key that is null");
        let node = parse(&text.replace("null:", "n:")).unwrap();
        let web = node.get("services").and_then(|n| n.get("web")).unwrap();
        assert_eq!(web.flat(), "{image: b, n: null, user: 1}");
        assert_eq!(web.get("image").unwrap().line, 7);
    }

    #[test]
    fn what_docker_refuses_or_reads_otherwise_is_an_error() {
        let repeated = YamlError::Repeated { name: "a".into(), line: 2 };
        assert_eq!(parse("a: 1\na: 2\n"), Err(repeated));
        assert_eq!(parse("a: 1\n---\nb: 2\n"), Err(YamlError::Documents));
        assert_eq!(parse("a: !reset 1\n"), Err(YamlError::NotUnderstood(1)));
        assert_eq!(parse("a: &a [*a]\n").unwrap_err(), YamlError::BadAlias(1));
        assert!(matches!(parse("a: *b\n"), Err(YamlError::Syntax(_) | YamlError::BadAlias(_))));
        assert!(matches!(parse("a: [\n"), Err(YamlError::Syntax(_))));
        assert_eq!(parse("").unwrap().value, Value::Null);
        // Docker's parser ends the comment there, and the container is privileged.
        for c in ['\u{85}', '\u{2028}', '\u{2029}'] {
            let hidden = format!("services:\n  a:\n    image: b # c{c}    privileged: true\n");
            assert_eq!(parse(&hidden), Err(YamlError::Ambiguous(3)));
        }
    }

    #[test]
    fn bombs_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let before = format!("*a{}, ", n - 1).repeat(9);
            bomb.push_str(&format!("a{n}: &a{n} [{}]\n", before.trim_end_matches(", ")));
        }
        assert_eq!(parse(&bomb), Err(YamlError::TooLarge));
        let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(1000));
        assert_eq!(parse(&text), Err(YamlError::TooLarge));
        for open in ["[", "{", "- ", "? ", "a: ["] {
            assert!(parse(&open.repeat(100_000)).is_err(), "{open}");
        }
        let deep: String = (0..1000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
        assert_eq!(parse(&deep), Err(YamlError::TooLarge));
    }
}
