//! Registries of images: whether what a digest names is there. The protocol is that of the Open Container Initiative's
//! distribution specification 1.1 (`GET /v2/<name>/manifests/<digest>`), with the anonymous tokens of the Distribution
//! project's token specification, which registries on the internet want even for what is public.

use crate::proof::sha256;
use alloy_primitives::hex;
use devproof_compose::services::Image;
use devproof_evidence::{
    Answer, Http, HttpError, Limits,
    header::{ACCEPT, AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE},
};
use serde::Deserialize;
use std::{net::Ipv4Addr, time::Duration};

/// Where images without a registry in their name come from, and what the name is completed with.
const DOCKER_HUB: [&str; 2] = ["registry-1.docker.io", "library/"];
/// What a manifest may be, in its present forms.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";
/// The most bytes of a manifest: the specification has registries refuse longer ones.
const MAX_MANIFEST: usize = 4 << 20;
/// The longest token.
const MAX_TOKEN: usize = 16 << 10;

/// Why nobody can tell whether an image is there, in a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The name cannot be asked for.
    #[error("its name is none that a registry can be asked for")]
    BadName,
    /// The registry gives no answer that can be used.
    #[error("the registry gives no answer: {0}")]
    Http(#[from] HttpError),
    /// The registry does not show it to everybody.
    #[error("the registry does not show it to everybody (HTTP status {0})")]
    Private(u16),
    /// The registry wants a proof of identity of a kind that is not known here.
    #[error("the registry wants to know who asks, in a way that is not known here")]
    BadChallenge,
}

/// Whether an image is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum There {
    /// Its manifest came, and has the digest.
    Yes,
    /// The registry has none of that digest.
    No,
    /// Something came that has another digest.
    Another,
}

/// A client of registries.
#[derive(Clone, Debug)]
pub struct Registry {
    http: Http,
}

/// Where an image is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Location {
    /// Scheme and host.
    base: String,
    name: String,
}

/// What a registry says instead of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
struct Challenge {
    realm: String,
    service: Option<String>,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Registry {
    /// A client with limits of its own: a manifest is no longer than 4 MiB, and all that is asked about an image
    /// takes no longer than three times 20 seconds.
    ///
    /// # Errors
    /// If no request can be made on this machine.
    pub fn new() -> Result<Self, RegistryError> {
        let limits =
            Limits { body: MAX_MANIFEST, total: Duration::from_secs(20), ..Limits::of_services() };
        Ok(Self { http: Http::new(limits)? })
    }

    /// Whether the manifest that the digest of an image names is there.
    pub(crate) async fn has(&self, image: &Image) -> Result<There, RegistryError> {
        let digest = image.digest.as_deref().ok_or(RegistryError::BadName)?;
        let Location { base, name } =
            Location::of(&image.repository).ok_or(RegistryError::BadName)?;
        let url = format!("{base}/v2/{name}/manifests/{digest}");
        let mut answer = self.get(&url, None).await?;
        if answer.status == 401 {
            let challenge = challenge(&answer).ok_or(RegistryError::BadChallenge)?;
            let token = self.token(&challenge, &base, &name).await?;
            answer = self.get(&url, Some(&token)).await?;
        }
        match answer.status {
            200 => {
                let found = format!("sha256:{}", hex::encode(sha256(&answer.body)));
                Ok(if found == digest { There::Yes } else { There::Another })
            }
            404 => Ok(There::No),
            status @ (401 | 403) => Err(RegistryError::Private(status)),
            status => Err(HttpError::Status(status).into()),
        }
    }

    async fn get(&self, url: &str, token: Option<&str>) -> Result<Answer, RegistryError> {
        let mut headers = vec![(ACCEPT, HeaderValue::from_static(MANIFESTS))];
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| RegistryError::BadChallenge)?;
            value.set_sensitive(true);
            headers.push((AUTHORIZATION, value));
        }
        Ok(self.http.get_with(url, &headers).await?)
    }

    /// A token for nobody in particular.
    async fn token(
        &self,
        challenge: &Challenge,
        base: &str,
        name: &str,
    ) -> Result<String, RegistryError> {
        // A registry that is asked over TLS does not send us elsewhere without, and none sends us away from the web.
        let secure = challenge.realm.starts_with("https://");
        let plain = challenge.realm.starts_with("http://") && base.starts_with("http://");
        if !(secure || plain) {
            return Err(RegistryError::BadChallenge);
        }
        let scope = challenge.scope.clone().unwrap_or_else(|| format!("repository:{name}:pull"));
        let mut url = challenge.realm.clone();
        url.push(if url.contains('?') { '&' } else { '?' });
        if let Some(service) = &challenge.service {
            url.push_str(&format!("service={}&", encoded(service)));
        }
        url.push_str(&format!("scope={}", encoded(&scope)));
        let answer = self.http.get(&url).await?;
        match answer.status {
            200 => {}
            status @ (401 | 403) => return Err(RegistryError::Private(status)),
            status => return Err(HttpError::Status(status).into()),
        }
        let token: Token = serde_json::from_slice(&answer.body)
            .map_err(|_| HttpError::Nonsense("its token is none".to_owned()))?;
        let token =
            token.token.or(token.access_token).filter(|it| !it.is_empty() && it.len() <= MAX_TOKEN);
        Ok(token.ok_or_else(|| HttpError::Nonsense("its token is none".to_owned()))?)
    }
}

impl Location {
    /// As Docker reads names: what stands before the first slash is a registry if it has a dot or a colon, or is
    /// `localhost`.
    fn of(repository: &str) -> Option<Self> {
        let host = |first: &str| first.contains(['.', ':']) || first == "localhost";
        let [hub, library] = DOCKER_HUB;
        let (registry, name) = match repository.split_once('/') {
            Some(("docker.io" | "index.docker.io", rest)) => (hub, rest),
            Some((first, rest)) if host(first) => (first, rest),
            _ => (hub, repository),
        };
        let official = registry == hub && !name.contains('/');
        let name = if official { format!("{library}{name}") } else { name.to_owned() };
        let of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        let of_name = |c: char| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '/')
        };
        let parts = |name: &str| {
            name.split('/').all(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric()))
        };
        if !registry.chars().all(of_host)
            || !name.chars().all(of_name)
            || !parts(&name)
            || repository.len() > 400
        {
            return None;
        }
        let alone = registry.split(':').next().unwrap_or_default();
        // As Docker does: registries of this very machine need no certificate.
        let here =
            alone == "localhost" || alone.parse::<Ipv4Addr>().is_ok_and(|it| it.is_loopback());
        let scheme = if here { "http" } else { "https" };
        Some(Self { base: format!("{scheme}://{registry}"), name })
    }
}

/// What a registry wants: `Bearer realm="..",service="..",scope=".."`.
fn challenge(answer: &Answer) -> Option<Challenge> {
    let header = answer.headers.get(WWW_AUTHENTICATE)?.to_str().ok()?;
    let (scheme, mut rest) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut challenge = Challenge::default();
    loop {
        let (key, value) = rest.trim_start_matches([' ', ',']).split_once('=')?;
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_once(',').unwrap_or((value, "")),
        };
        match key.trim().to_ascii_lowercase().as_str() {
            "realm" => value.clone_into(&mut challenge.realm),
            "service" => challenge.service = Some(value.to_owned()),
            "scope" => challenge.scope = Some(value.to_owned()),
            _ => {}
        }
        rest = after;
        if rest.trim_matches([' ', ',']).is_empty() {
            break;
        }
    }
    (!challenge.realm.is_empty()).then_some(challenge)
}

/// Percent-encoded, all that is not plain.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'~' => {
                char::from(b).to_string()
            }
            b => format!("%{b:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_docker_reads_them() {
        let of = |name: &str| Location::of(name).map(|it| format!("{}/{}", it.base, it.name));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("nginx"), some("https://registry-1.docker.io/library/nginx"));
        assert_eq!(of("acme/app"), some("https://registry-1.docker.io/acme/app"));
        assert_eq!(of("docker.io/nginx"), some("https://registry-1.docker.io/library/nginx"));
        assert_eq!(of("ghcr.io/acme/app"), some("https://ghcr.io/acme/app"));
        assert_eq!(of("localhost:5000/a"), some("http://localhost:5000/a"));
        assert_eq!(of("127.0.0.1:5000/a/b"), some("http://127.0.0.1:5000/a/b"));
        for bad in [
            "a@b.c/d",
            "${R}/a",
            "ghcr.io/../x",
            "ghcr.io/a//b",
            "ghcr.io/A",
            "x.y/a?b",
            "",
            "127.0.0.1@evil.example/a",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
