//! The compose file of Docker that an `app-compose.json` holds: its services, and what they may do.

mod image;
mod variables;
pub mod yaml;

pub use image::Image;
pub use variables::{Variable, variables, without_values};

use yaml::{Node, Value, YamlError};

/// A compose file that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services {
    root: Node,
    services: Vec<Service>,
}

/// A service of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What is said of it.
    pub node: Node,
}

/// An entry of `environment`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvEntry {
    /// The name inside the container.
    pub name: String,
    /// The value as written; `None` where only the name stands, which takes the value from outside.
    pub value: Option<String>,
    /// The line of the compose file.
    pub line: usize,
}

/// An entry of `volumes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// A path of the machine or the name of a volume; `None` for an anonymous one.
    pub source: Option<String>,
    /// The entry as written, on one line.
    pub text: String,
    /// The line of the compose file.
    pub line: usize,
}

impl Services {
    /// Reads a compose file.
    ///
    /// # Errors
    /// See [`YamlError`]; `NotUnderstood` also where `services` or a service is no mapping.
    pub fn parse(text: &str) -> Result<Self, YamlError> {
        let root = yaml::parse(text)?;
        let not_mapping = |node: &Node| {
            let fine = matches!(node.value, Value::Mapping(_));
            (!fine).then_some(YamlError::NotUnderstood(node.line))
        };
        if let Some(error) = not_mapping(&root) {
            return Err(error);
        }
        let mut services = Vec::new();
        if let Some(node) = root.get("services") {
            if let Some(error) = not_mapping(node) {
                return Err(error);
            }
            for (name, node) in node.mapping() {
                if let Some(error) = not_mapping(node) {
                    return Err(error);
                }
                services.push(Service { name: name.clone(), node: node.clone() });
            }
        }
        Ok(Self { root, services })
    }

    /// The whole file.
    #[must_use]
    pub const fn root(&self) -> &Node {
        &self.root
    }

    /// The services in the order of the file.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The service of a name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}

impl Service {
    /// The text of `image`, and its line.
    #[must_use]
    pub fn image(&self) -> Option<(&str, usize)> {
        let node = self.node.get("image")?;
        Some((node.text()?, node.line))
    }

    /// Whether the image is built where the app runs.
    #[must_use]
    pub fn build(&self) -> Option<&Node> {
        self.node.get("build").filter(|node| node.value != Value::Null)
    }

    /// The entries of `environment`, as a mapping or as a list.
    #[must_use]
    pub fn environment(&self) -> Vec<EnvEntry> {
        let Some(node) = self.node.get("environment") else { return Vec::new() };
        let of_mapping = node.mapping().iter().map(|(name, node)| EnvEntry {
            name: name.clone(),
            value: (node.value != Value::Null).then(|| node.flat()),
            line: node.line,
        });
        let of_list = node.items().iter().filter_map(|item| {
            let text = item.text()?;
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (text, None),
            };
            Some(EnvEntry { name: name.to_owned(), value, line: item.line })
        });
        of_mapping.chain(of_list).collect()
    }

    /// The entries of `volumes`, short or long.
    #[must_use]
    pub fn mounts(&self) -> Vec<Mount> {
        let items = self.node.get("volumes").map(Node::items).unwrap_or_default();
        let mount = |item: &Node| {
            let source = match item.text() {
                Some(text) => short_source(text),
                None => item.get("source").or_else(|| item.get("src")).and_then(Node::text),
            };
            Mount { source: source.map(str::to_owned), text: item.flat(), line: item.line }
        };
        items.iter().map(mount).collect()
    }

    /// The texts of a key that holds one or many, with their lines: `cap_add`, `env_file`, `command`.
    #[must_use]
    pub fn texts(&self, key: &str) -> Vec<(String, usize)> {
        let items = self.node.get(key).map(Node::items).unwrap_or_default();
        items.iter().map(|item| (item.flat(), item.line)).collect()
    }
}

/// What stands before the colon of `SOURCE:TARGET`, which is not the colon of `${VAR:-default}`.
fn short_source(text: &str) -> Option<&str> {
    let (mut braces, mut end) = (0_usize, None);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => braces += 1,
            b'}' => braces = braces.saturating_sub(1),
            b':' if braces == 0 => {
                end = Some(at);
                break;
            }
            _ => {}
        }
    }
    text.get(..end?)
}

/// Whether compose takes a text for yes.
#[must_use]
pub fn is_yes(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "y" | "on" | "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_are_read() {
        let text = "services:\n  a:\n    environment: {B: 1, C: }\n    volumes:\n      - x:/y:ro\n      - /z\n      - type: bind\n        source: ${D:-/e}\n        target: /f\n  b:\n    environment:\n      - C=d=e\n      - F\n    volumes: ['${G:-./h}:/i']\n";
        let services = Services::parse(text).unwrap();
        let env = |name: &str| -> Vec<_> {
            let entries = services.service(name).unwrap().environment();
            entries.into_iter().map(|e| (e.name, e.value, e.line)).collect()
        };
        assert_eq!(env("a"), [("B".into(), Some("1".into()), 3), ("C".into(), None, 3)]);
        assert_eq!(env("b"), [("C".into(), Some("d=e".into()), 12), ("F".into(), None, 13)]);
        let sources = |name: &str| -> Vec<_> {
            services.service(name).unwrap().mounts().into_iter().map(|m| m.source).collect()
        };
        assert_eq!(sources("a"), [Some("x".into()), None, Some("${D:-/e}".into())]);
        assert_eq!(sources("b"), [Some("${G:-./h}".into())]);
    }

    #[test]
    fn a_file_of_another_shape_is_an_error() {
        for text in ["[]", "services: []", "services: {a: b}", "just text", ""] {
            assert!(Services::parse(text).is_err(), "{text:?}");
        }
        assert!(Services::parse("volumes: {a: }").unwrap().services().is_empty());
    }
}
