//! Evidence from where machines give it.

use crate::{
    server::Server,
    support::{
        log::hex,
        machine::{COMPOSE, Machine, World},
        pki::Options,
        ratls,
    },
};
use alloy_primitives::B512;
use axum::{Json, Router, http::StatusCode, routing::post};
use devproof_attestation::{Evidence, Form};
use devproof_evidence::{FetchError, HttpError, Place, fetch};
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

async fn at(url: &str) -> Result<Vec<Evidence>, FetchError> {
    fetch(&Place::from(url), B512::ZERO).await.map(|it| it.unwrap().evidence)
}

#[tokio::test]
async fn at_a_url() {
    let world = World::new(Options::default());
    let document = Machine::default().get_quote(&world.pki).to_string();
    let server = Server::saying(200, document).await;
    assert_eq!(at(&format!("{}/quote", server.url)).await.unwrap()[0].form, Form::GetQuote);
    let html = Server::saying(200, "<html>").await;
    assert!(matches!(at(&html.url).await, Err(FetchError::Evidence(_))));
    let broken = Server::saying(500, "").await;
    let error = at(&broken.url).await.unwrap_err();
    assert_eq!(error, FetchError::Http(HttpError::Status(500)));
}

/// The guest agent shows a page at its root, and what it says of itself, with the certificates, beside it.
#[tokio::test]
async fn at_the_root_of_a_machine() {
    let world = World::new(Options::default());
    let mut machine = Machine::default();
    let certificates = ratls::issue(&mut machine, &world.pki, ratls::Options::default());
    let info = json!({
        "app_cert": certificates.pem(),
        "tcb_info": json!({"app_compose": COMPOSE}).to_string(),
    });
    let routes = Router::new()
        .route("/", axum::routing::get(|| async { "<html>" }))
        .route("/prpc/Info", axum::routing::get(move || async move { Json(info) }));
    let server = Server::new(routes).await;
    let evidence = at(&server.url).await.unwrap().remove(0);
    assert_eq!((evidence.form, evidence.app_compose.as_deref()), (Form::RaTls, Some(COMPOSE)));
    assert!(evidence.event_log.unwrap().is_ok());
}

#[tokio::test]
async fn from_the_agent_on_this_machine() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("dstack.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let quote = |Json(asked): Json<Value>| async move {
        let wanted = asked["report_data"].as_str().unwrap().to_owned();
        let report_data = alloy_primitives::hex::decode(wanted).unwrap();
        let world = World::new(Options::default());
        let machine = Machine {
            report_data: report_data.try_into().unwrap(),
            app_compose: None,
            ..Machine::default()
        };
        Json(machine.get_quote(&world.pki))
    };
    let info = || async { Json(json!({"tcb_info": json!({"app_compose": COMPOSE}).to_string()})) };
    let routes = Router::new().route("/GetQuote", post(quote)).route("/Info", post(info));
    let agent = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let wanted = B512::repeat_byte(0x42);
    let place = Place::from(format!("unix:{}", socket.display()).as_str());
    let evidence = fetch(&place, wanted).await.unwrap().unwrap().evidence.remove(0);
    assert_eq!(hex(&evidence.quote[568..632]), hex(wanted.as_slice()));
    assert_eq!(evidence.app_compose.as_deref(), Some(COMPOSE));
    agent.abort();
    let nobody = fetch(&Place::Agent(folder.path().join("nobody")), wanted).await;
    assert!(matches!(nobody, Err(FetchError::Http(HttpError::Unreachable(_)))));
}

#[tokio::test]
async fn an_agent_that_refuses() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("dstack.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let routes = Router::new().fallback(|| async { StatusCode::BAD_REQUEST });
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let refused = fetch(&Place::Agent(socket), B512::ZERO).await.unwrap_err();
    assert_eq!(refused, FetchError::Http(HttpError::Status(400)));
}

#[test]
fn places() {
    assert_eq!(Place::from("-"), Place::File(PathBuf::from("-")));
    assert_eq!(Place::from("quote.json"), Place::File(PathBuf::from("quote.json")));
    assert_eq!(Place::from("unix:/run/d.sock"), Place::Agent(PathBuf::from("/run/d.sock")));
    assert_eq!(Place::from("https://x"), Place::Url("https://x".to_owned()));
}
