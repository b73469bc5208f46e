//! `devproof-release.toml`: what is released, and how.

use crate::ReleaseError;
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::Read,
    path::{Component, Path},
};

/// The file, at the root of the app's repository.
pub const CONFIG_FILE: &str = "devproof-release.toml";
/// How long it may be, in bytes.
const MAX_CONFIG: u64 = 64 << 10;
/// How many files of variables, and how many images, are looked at.
const MOST: usize = 50;

/// What is released. An unknown key is an error, since a misspelt one would otherwise pass unseen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// EIP-155 id of the chain that the app's contract is on.
    pub chain: u64,
    /// The app's contract.
    pub app: Address,
    /// The `app-compose.json`, from the root of the repository.
    #[serde(default = "compose")]
    pub compose: String,
    /// Where the source can be read. A claim, and shown as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The remote of git to which releases are pushed.
    #[serde(default = "remote")]
    pub remote: String,
    /// The folder for what is published, from the root of the repository.
    #[serde(default = "out")]
    pub out: String,
    /// Files with values of variables that must not stand in the compose file, from the root of the repository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_files: Vec<String>,
    /// What the workflow is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Workflow>,
}

/// What the workflow is made of. Everything that a runner fetches is named by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Workflow {
    /// Where a runner gets devproof from.
    pub tool_url: String,
    /// SHA-256 of that file, 64 hexadecimal digits.
    pub tool_sha256: String,
    /// The image of BuildKit, by digest.
    pub buildkit: String,
    /// A script of the repository that deploys: it is run by hand only.
    pub deploy: String,
    /// What is demanded of evidence, as a file of the repository: which systems are known, for one.
    #[serde(default = "policy")]
    pub policy: String,
    /// What is built.
    #[serde(default, rename = "image")]
    pub images: Vec<Build>,
}

/// An image that is built.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Build {
    /// Registry and name, without tag and digest.
    pub name: String,
    /// The folder that it is built from.
    #[serde(default = "here")]
    pub context: String,
    /// Its Dockerfile.
    #[serde(default = "dockerfile")]
    pub dockerfile: String,
}

fn compose() -> String {
    "app-compose.json".to_owned()
}

fn remote() -> String {
    "origin".to_owned()
}

fn out() -> String {
    "release".to_owned()
}

fn policy() -> String {
    "evidence-policy.toml".to_owned()
}

fn here() -> String {
    ".".to_owned()
}

fn dockerfile() -> String {
    "Dockerfile".to_owned()
}

impl Config {
    /// Reads the file in the root of a repository.
    ///
    /// # Errors
    /// [`ReleaseError::Config`] if it is not there or makes no sense.
    pub fn load(root: &Path) -> Result<Self, ReleaseError> {
        let path = root.join(CONFIG_FILE);
        let mut text = String::new();
        let read =
            File::open(&path).and_then(|file| file.take(MAX_CONFIG).read_to_string(&mut text));
        read.map_err(|error| {
            ReleaseError::Config(format!(
                "{CONFIG_FILE} cannot be read ({error}): write one with `devproof release init`, or name the folder with --dir"
            ))
        })?;
        Self::parse(&text)
    }

    /// Reads the text of the file.
    ///
    /// # Errors
    /// [`ReleaseError::Config`] if it makes no sense.
    pub fn parse(text: &str) -> Result<Self, ReleaseError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let why = error.message().trim_end_matches('.');
            ReleaseError::Config(format!("{CONFIG_FILE}, line {line}: {why}"))
        })?;
        config.checked()
    }

    /// As it is written.
    ///
    /// # Errors
    /// [`ReleaseError::Config`] if it cannot be.
    pub fn text(&self) -> Result<String, ReleaseError> {
        toml::to_string(self).map_err(|error| ReleaseError::Config(error.to_string()))
    }

    /// The configuration, if it makes sense.
    ///
    /// # Errors
    /// [`ReleaseError::Config`].
    pub fn checked(self) -> Result<Self, ReleaseError> {
        let bad = |key: &str, value: &str, why: &str| {
            let value = crate::text::clip(value, 80);
            Err(ReleaseError::Config(format!("{CONFIG_FILE}: {key} = {value:?} {why}")))
        };
        let inside = "has to be a path inside of the repository: letters, digits and ._-/, no `..`";
        let mut paths = vec![("compose", &self.compose), ("out", &self.out)];
        paths.extend(self.env_files.iter().take(MOST + 1).map(|path| ("env-files", path)));
        for (key, path) in paths {
            if !is_inside(path) {
                return bad(key, path, inside);
            }
        }
        if self.env_files.len() > MOST {
            return bad("env-files", "", "names too many files");
        }
        if self.out == "." || Path::new(&self.compose).starts_with(&self.out) {
            return bad(
                "out",
                &self.out,
                "must be a folder of its own, without the compose file in it",
            );
        }
        let plain = |text: &str| {
            let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
            !text.is_empty() && !text.starts_with('-') && text.len() < 200 && text.chars().all(fine)
        };
        if !plain(&self.remote) {
            return bad("remote", &self.remote, "is no name of a remote of git");
        }
        if let Some(url) = &self.repository
            && !is_url(url)
        {
            return bad("repository", url, "is no URL that begins with https://");
        }
        if let Some(workflow) = &self.workflow {
            if !is_url(&workflow.tool_url) {
                return bad("tool-url", &workflow.tool_url, "is no URL that begins with https://");
            }
            let digits = |text: &str| {
                text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            };
            if !digits(&workflow.tool_sha256) {
                return bad(
                    "tool-sha256",
                    &workflow.tool_sha256,
                    "is no SHA-256 in 64 hexadecimal digits",
                );
            }
            let pinned = workflow.buildkit.split_once("@sha256:");
            if !pinned.is_some_and(|(name, digest)| is_image_name(name) && digits(digest)) {
                return bad(
                    "buildkit",
                    &workflow.buildkit,
                    "is no image with its digest, name@sha256:...",
                );
            }
            for (key, path) in [("deploy", &workflow.deploy), ("policy", &workflow.policy)] {
                if !is_inside(path) {
                    return bad(key, path, inside);
                }
            }
            if workflow.images.len() > MOST {
                return bad("image", "", "is there too often");
            }
            for image in &workflow.images {
                if !is_image_name(&image.name) || image.name.contains(':') {
                    return bad(
                        "image.name",
                        &image.name,
                        "is no registry and name in small letters, without a tag",
                    );
                }
                for (key, path) in
                    [("image.context", &image.context), ("image.dockerfile", &image.dockerfile)]
                {
                    if path != "." && !is_inside(path) {
                        return bad(key, path, inside);
                    }
                }
            }
        }
        Ok(self)
    }
}

/// Whether a path stays where it begins, and has no character that a shell or YAML takes for more than itself.
fn is_inside(path: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    let parts = || Path::new(path).components();
    !path.is_empty()
        && path.len() < 200
        && path.chars().all(fine)
        && parts().all(|part| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b"-")))
}

fn is_url(text: &str) -> bool {
    let fine = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '~' | '+' | '%')
    };
    text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
        && text.len() < 400
        && text.chars().all(fine)
}

fn is_image_name(text: &str) -> bool {
    let fine = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '/' | ':')
    };
    !text.is_empty() && text.len() < 200 && !text.starts_with('-') && text.chars().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "chain = 8453\napp = \"0x52908400098527886e0f7030069857d2e4169ee7\"\n";

    fn why(more: &str) -> String {
        Config::parse(&format!("{GOOD}{more}")).unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let config = Config::parse(GOOD).unwrap();
        assert_eq!((config.compose.as_str(), config.out.as_str()), ("app-compose.json", "release"));
        assert_eq!(config.remote, "origin");
        assert!(why("chian = 1\n").contains("line 3: unknown field `chian`"));
    }

    #[test]
    fn nothing_gets_out_of_the_repository_or_into_a_shell() {
        for path in
            ["../x", "/etc/x", "a/../../x", "a b", "$(x)", "a;b", "-x", "a/-x", "", "a\\n${{x}}"]
        {
            assert!(
                why(&format!("compose = \"{path}\"\n")).contains("inside of the repository"),
                "{path}"
            );
        }
        assert!(why("remote = \"--upload-pack=x\"\n").contains("no name of a remote"));
        assert!(why("repository = \"javascript:x\"\n").contains("https://"));
        assert!(
            why("out = \"release\"\ncompose = \"release/app-compose.json\"\n")
                .contains("folder of its own")
        );
        let workflow = |key: &str, value: &str| {
            let mut lines = vec![
                ("tool-url", "https://a.example/devproof".to_owned()),
                ("tool-sha256", "ab".repeat(32)),
                ("buildkit", format!("moby/buildkit@sha256:{}", "cd".repeat(32))),
                ("deploy", "deploy.sh".to_owned()),
            ];
            for line in &mut lines {
                if line.0 == key {
                    line.1 = value.to_owned();
                }
            }
            let lines: String =
                lines.iter().map(|(key, value)| format!("{key} = '{value}'\n")).collect();
            Config::parse(&format!("{GOOD}[workflow]\n{lines}"))
        };
        assert!(workflow("", "").is_ok());
        for (key, value) in [
            ("tool-url", "http://a.example/x"),
            ("tool-url", "https://a.example/x\"; rm"),
            ("tool-sha256", "latest"),
            ("buildkit", "moby/buildkit:latest"),
            ("deploy", "../deploy.sh"),
        ] {
            assert!(workflow(key, value).is_err(), "{key} {value}");
        }
    }
}
