//! From a compose hash to source code, link by link, each marked for what it is worth.

use crate::{
    AppCompose,
    provenance::Statement,
    services::{Image, Service, Services, variables, yaml::Node},
    words::clip,
};
use devproof_primitives::ComposeHash;
use schemars::JsonSchema;
use serde::Serialize;

/// How many services are traced.
const MAX_SERVICES: usize = 200;
/// The label under which builders write the commit.
const REVISION: &str = "org.opencontainers.image.revision";

/// What a link is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It follows from a hash.
    Proved,
    /// Somebody says so.
    Claimed,
    /// There is nothing.
    Missing,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Link {
    /// From what: a compose hash, `app-compose.json`, or an image.
    pub from: String,
    /// To what; `None` where it is missing.
    pub to: Option<String>,
    /// The service, where it is about one.
    pub service: Option<String>,
    /// What it is worth.
    pub standing: Standing,
    /// Why, in a sentence.
    pub why: String,
}

/// The links of a document, in the order hash, file, images, commits.
#[must_use]
pub fn trace(
    document: &AppCompose,
    claimed: Option<ComposeHash>,
    provenance: &[Statement],
) -> Vec<Link> {
    let hash = claimed.unwrap_or_else(|| document.hash());
    let same = hash == document.hash();
    let mut links = vec![Link {
        from: hash.to_string(),
        to: same.then(|| "app-compose.json".to_owned()),
        service: None,
        standing: if same { Standing::Proved } else { Standing::Missing },
        why: if same {
            "The bytes of this file have that hash.".to_owned()
        } else {
            format!("The bytes of this file have the hash {}.", document.hash())
        },
    }];
    for statement in provenance.iter().filter(|it| it.digest.is_none()) {
        links.push(Link {
            from: "app-compose.json".to_owned(),
            to: Some(commit(statement)),
            service: None,
            standing: Standing::Claimed,
            why: "The provenance file says so of the app as a whole.".to_owned(),
        });
    }
    match document.fields().docker_compose_file.as_deref().map(Services::parse) {
        Some(Ok(services)) => {
            for service in services.services().iter().take(MAX_SERVICES) {
                self::service(&mut links, service, provenance);
            }
        }
        unreadable => links.push(Link {
            from: "app-compose.json".to_owned(),
            to: None,
            service: None,
            standing: Standing::Missing,
            why: match unreadable {
                None => "There is no compose file in it, so no image either.".to_owned(),
                _ => "The compose file in it could not be read.".to_owned(),
            },
        }),
    }
    links
}

fn service(links: &mut Vec<Link>, service: &Service, provenance: &[Statement]) {
    let mut link = |from: &str, to: Option<String>, standing: Standing, why: &str| {
        let name = Some(clip(&service.name));
        links.push(Link {
            from: from.to_owned(),
            to,
            service: name,
            standing,
            why: why.to_owned(),
        });
    };
    let file = "app-compose.json";
    if let Some(build) = service.build() {
        link(
            file,
            None,
            Standing::Missing,
            "The image is built where the app runs; nobody can tell which one comes out.",
        );
        let text = build.scalars().into_iter().map(|(text, _)| text).collect::<Vec<_>>().join("\n");
        match whole_commit(&text) {
            Some(commit) => link(
                file,
                Some(commit),
                Standing::Claimed,
                "The build checks out this commit; what else it takes in is not said.",
            ),
            None => link(file, None, Standing::Missing, "The build names no commit."),
        }
        return;
    }
    let Some((text, _)) = service.image() else {
        return link(file, None, Standing::Missing, "The service names no image.");
    };
    if !variables(text).is_empty() {
        return link(file, None, Standing::Missing, "A variable chooses the image.");
    }
    let image = Image::new(text);
    let Some(digest) = image.digest.clone() else {
        return link(
            file,
            None,
            Standing::Missing,
            "The image is named by a tag, which can be moved.",
        );
    };
    let named = format!("{}@{digest}", clip(&image.repository));
    link(
        file,
        Some(named.clone()),
        Standing::Proved,
        "The file, whose bytes are hashed, names the image by its digest.",
    );
    let stated = provenance.iter().find(|it| it.digest.as_deref() == Some(&*digest));
    let label = label(service);
    let (to, why) = if let Some(statement) = stated {
        (
            commit(statement),
            "The provenance file says so of this digest; its signature was not checked.",
        )
    } else if let Some(label) = label {
        (label, "A label in the compose file says so.")
    } else if let Some(commit) = image.commit_in_tag() {
        (commit.to_owned(), "The tag looks like it.")
    } else {
        return link(
            &named,
            None,
            Standing::Missing,
            "No label, tag or provenance file names a commit.",
        );
    };
    link(&named, Some(to), Standing::Claimed, why);
}

fn commit(statement: &Statement) -> String {
    match &statement.repository {
        Some(repository) => format!("commit {} of {repository}", statement.commit),
        None => format!("commit {}", statement.commit),
    }
}

fn label(service: &Service) -> Option<String> {
    let labels = service.node.get("labels")?;
    let prefix = format!("{REVISION}=");
    let of_list = labels.items().iter().find_map(|item| item.text()?.strip_prefix(&prefix));
    labels.get(REVISION).and_then(Node::text).or(of_list).map(clip)
}

fn whole_commit(text: &str) -> Option<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let mut commits =
        words.filter(|it| it.len() == 40 && it.bytes().all(|b| b.is_ascii_hexdigit()));
    commits.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn links(services: &str, provenance: &[Statement]) -> Vec<(Option<String>, Standing)> {
        let text = json!({"docker_compose_file": services}).to_string();
        let document = AppCompose::parse(text.as_bytes()).unwrap();
        trace(&document, None, provenance)
            .into_iter()
            .skip(1)
            .map(|it| (it.to, it.standing))
            .collect()
    }

    #[test]
    fn each_link_is_worth_what_it_is_worth() {
        use Standing::{Claimed, Missing, Proved};
        let digest = format!("sha256:{}", "1".repeat(64));
        let commit = "a".repeat(40);
        let pinned = Some(format!("a/b@{digest}"));
        let service = |text: &str| format!("services:\n  web:\n    {text}\n");
        let image = |tag: &str| service(&format!("image: a/b{tag}@{digest}"));
        assert_eq!(links(&service("image: a/b:1"), &[]), [(None, Missing)]);
        assert_eq!(links(&service("image: a/b@$D"), &[]), [(None, Missing)]);
        assert_eq!(links(&image(""), &[]), [(pinned.clone(), Proved), (None, Missing)]);
        assert_eq!(
            links(&image(&format!(":{commit}")), &[]),
            [(pinned.clone(), Proved), (Some(commit.clone()), Claimed)]
        );
        let labelled = format!("{}    labels: ['{REVISION}=abc']\n", image(""));
        assert_eq!(
            links(&labelled, &[]),
            [(pinned.clone(), Proved), (Some("abc".into()), Claimed)]
        );
        let mut statement =
            Statement { digest: Some(digest.clone()), commit: commit.clone(), repository: None };
        let stated = links(&labelled, &[statement.clone()]);
        assert_eq!(stated, [(pinned.clone(), Proved), (Some(format!("commit {commit}")), Claimed)]);
        statement.digest = Some(format!("sha256:{}", "2".repeat(64)));
        assert_eq!(
            links(&image(""), &[statement]),
            [(pinned, Proved), (None, Missing)],
            "another image"
        );
        let build = service(&format!("build: https://x#{commit}"));
        assert_eq!(links(&build, &[]), [(None, Missing), (Some(commit), Claimed)]);
        assert_eq!(links("services: [", &[]), [(None, Missing)]);
    }

    #[test]
    fn a_file_with_another_hash_proves_nothing_of_the_claimed_one() {
        let document = AppCompose::parse(b"{}").unwrap();
        let first = |claimed| trace(&document, claimed, &[]).remove(0);
        assert_eq!(first(None).standing, Standing::Proved);
        assert_eq!(first(Some(document.hash())).standing, Standing::Proved);
        assert_eq!(first(Some(ComposeHash::of(b"x"))).standing, Standing::Missing);
    }
}
