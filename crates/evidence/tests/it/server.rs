//! Servers on ports that the kernel chose: a cache of Intel's service, and ones that misbehave.

use axum::{
    Router,
    extract::Query,
    http::{HeaderMap, HeaderValue, StatusCode},
    routing::get,
};
use devproof_evidence::Limits;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

/// A server, which ends with this value.
pub(crate) struct Server {
    pub(crate) url: String,
    /// How often it was asked.
    pub(crate) asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn new(routes: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let routes = routes.layer(axum::middleware::from_fn(
            move |request: axum::extract::Request, next: axum::middleware::Next| {
                count.fetch_add(1, Ordering::SeqCst);
                next.run(request)
            },
        ));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, asked, task }
    }

    /// Answers everything with one status and body.
    pub(crate) async fn saying(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let status = StatusCode::from_u16(status).unwrap();
        let answer = move || async move { (status, body) };
        Self::new(Router::new().fallback(answer)).await
    }

    /// Answers with these very bytes, then with a byte each `pause` until nobody listens any more.
    pub(crate) async fn dripping(begin: &'static str, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 65_536]).await;
                    let _ = stream.write_all(begin.as_bytes()).await;
                    while stream.write_all(b" ").await.is_ok() {
                        tokio::time::sleep(pause).await;
                    }
                });
            }
        });
        Self { url, asked, task }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A cache of Intel's service that has this collateral, in the JSON of dcap-qvl.
    pub(crate) async fn pccs(collateral: Value) -> Self {
        let collateral = Arc::new(collateral);
        let text = |key: &'static str| {
            let collateral = Arc::clone(&collateral);
            move || collateral[key].as_str().unwrap().to_owned()
        };
        let header = |name: &'static str, pem: String| {
            // As caches do it: everything that is not plain is percent-encoded.
            let encoded: String = pem
                .bytes()
                .map(|b| match b {
                    b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
                    b => format!("%{b:02X}"),
                })
                .collect();
            HeaderMap::from_iter([(
                name.parse().unwrap(),
                HeaderValue::from_str(&encoded).unwrap(),
            )])
        };
        let hex = |text: String| alloy_primitives::hex::decode(text).unwrap();
        let (root, crl, crl_chain) =
            (text("root_ca_crl"), text("pck_crl"), text("pck_crl_issuer_chain"));
        let (tcb, tcb_signature, tcb_chain) =
            (text("tcb_info"), text("tcb_info_signature"), text("tcb_info_issuer_chain"));
        let (qe, qe_signature, qe_chain) =
            (text("qe_identity"), text("qe_identity_signature"), text("qe_identity_issuer_chain"));
        let routes = Router::new()
            .route("/sgx/certification/v4/rootcacrl", get(move || async move { root() }))
            .route(
                "/sgx/certification/v4/pckcrl",
                get(move |Query(q): Query<HashMap<String, String>>| async move {
                    assert!(q["ca"] == "platform" || q["ca"] == "processor", "{q:?}");
                    assert_eq!(q["encoding"], "der");
                    (header("SGX-PCK-CRL-Issuer-Chain", crl_chain()), hex(crl()))
                }),
            )
            .route(
                "/tdx/certification/v4/tcb",
                get(move |Query(q): Query<HashMap<String, String>>| async move {
                    assert_eq!(q["fmspc"].len(), 12);
                    assert_eq!(q["fmspc"], q["fmspc"].to_uppercase());
                    let body =
                        format!("{{\"tcbInfo\":{},\"signature\":\"{}\"}}", tcb(), tcb_signature());
                    (header("TCB-Info-Issuer-Chain", tcb_chain()), body)
                }),
            )
            .route(
                "/tdx/certification/v4/qe/identity",
                get(move || async move {
                    let body = format!(
                        "{{\"enclaveIdentity\":{},\"signature\":\"{}\"}}",
                        qe(),
                        qe_signature()
                    );
                    (header("SGX-Enclave-Identity-Issuer-Chain", qe_chain()), body)
                }),
            );
        Self::new(routes).await
    }
}

/// Limits that a test can wait for.
pub(crate) fn quick() -> Limits {
    Limits {
        connect: Duration::from_secs(5),
        total: Duration::from_secs(10),
        pause: Duration::from_millis(1),
        ..Limits::of_services()
    }
}
