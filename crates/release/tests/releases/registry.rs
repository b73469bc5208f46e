//! Registries, as the specification has them and as they should not be.

use crate::world::{COMPOSE, World};
use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use devproof_release::{Verdict, sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::JoinHandle};

const MANIFEST: &[u8] =
    br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

/// How a registry behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// It gives tokens to everybody, and takes only those.
    Tokens,
    /// It wants no token.
    Open,
    /// It takes no token.
    Private,
    /// It has nothing.
    Empty,
    /// It gives something else.
    Lies,
    /// It sends whoever asks for a token somewhere that is not the web.
    Astray,
    /// It says more than it may.
    Endless,
    /// It is broken.
    Broken,
}

struct Registry {
    host: String,
    seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Shared = (Manner, String, Arc<Mutex<Vec<String>>>);

async fn manifest(
    State((manner, host, seen)): State<Shared>,
    Path((name, digest)): Path<(String, String)>,
    headers: HeaderMap,
) -> axum::response::Response {
    let token = headers.get(header::AUTHORIZATION).map(|it| it.to_str().unwrap().to_owned());
    seen.lock().unwrap().push(format!("{name} {digest} {token:?}"));
    let realm = if manner == Manner::Astray {
        "file:///etc/passwd".to_owned()
    } else {
        format!("http://{host}/token")
    };
    let challenge = format!(
        "Bearer realm=\"{realm}\",service=\"a registry\",scope=\"repository:acme/{name}:pull\""
    );
    let refused = (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]);
    match manner {
        Manner::Tokens if token.as_deref() == Some("Bearer for everybody") => {
            MANIFEST.into_response()
        }
        Manner::Tokens | Manner::Private | Manner::Astray => refused.into_response(),
        Manner::Open => MANIFEST.into_response(),
        Manner::Empty => StatusCode::NOT_FOUND.into_response(),
        Manner::Lies => "{}".into_response(),
        Manner::Endless => vec![b' '; 5 << 20].into_response(),
        Manner::Broken => StatusCode::BAD_GATEWAY.into_response(),
    }
}

async fn token(
    State((_, _, seen)): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
) -> String {
    seen.lock().unwrap().push(format!("token for {} of {}", query["scope"], query["service"]));
    r#"{"token":"for everybody"}"#.to_owned()
}

impl Registry {
    async fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let seen = Arc::default();
        let routes = Router::new()
            .route("/v2/acme/{name}/manifests/{digest}", get(manifest))
            .route("/token", get(token))
            .with_state((manner, host.clone(), Arc::clone(&seen)));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { host, seen, task }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_there_only_if_what_comes_has_the_digest() {
    let digest = format!("sha256:{:x}", sha256(MANIFEST));
    let pinned = "acme/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let world = World::new().await;
    for (manner, expected) in [
        (Manner::Tokens, Verdict::Pass),
        (Manner::Open, Verdict::Pass),
        (Manner::Private, Verdict::CouldNotTell),
        (Manner::Empty, Verdict::Fail),
        (Manner::Lies, Verdict::Fail),
        (Manner::Astray, Verdict::CouldNotTell),
        (Manner::Endless, Verdict::CouldNotTell),
        (Manner::Broken, Verdict::CouldNotTell),
    ] {
        let registry = Registry::new(manner).await;
        let image = format!("{}/acme/app@{digest}", registry.host);
        world.file("app-compose.json", COMPOSE.replace(pinned, &image));
        world.commit("feat: another one");
        world.push();
        world.propose().await;
        let lines = world.check().await;
        let line = lines.get("images_exist").unwrap();
        assert_eq!(line.result, expected, "{manner:?}: {line:?}");
        assert_eq!(lines.overall, expected, "{manner:?}: {lines:#?}");
        let seen = registry.seen.lock().unwrap().clone();
        match manner {
            Manner::Tokens => assert_eq!(
                seen,
                [
                    format!("app {digest} None"),
                    "token for repository:acme/app:pull of a registry".to_owned(),
                    format!("app {digest} Some(\"Bearer for everybody\")"),
                ]
            ),
            Manner::Astray => assert_eq!(seen.len(), 1),
            _ => {}
        }
    }
    // Nobody is there any more.
    let lines = world.check().await;
    assert_eq!(lines.get("images_exist").unwrap().result, Verdict::CouldNotTell);
}
