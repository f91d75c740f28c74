// A client on reqwest, hyper, tokio and rustls, for tests. PROVIDER=ring|aws-lc decides who does the cryptography.
//
//   agent                     a loop of model calls (Anthropic Messages) and a shell tool, to ANTHROPIC_BASE_URL
//   parallel N M              N tasks at once, each M calls on a connection of its own; the model of a call is its name
//   steps                     each line of standard input is a call through one pool of connections; "many": five at once
//   pool N M                  the same through one pool of connections
//   echo HOST:PORT TLS SIZE.. sends SIZE bytes and gets them back, plainly and from many buffers; TLS: 1.2 or 1.3
use rustls::pki_types::{pem::PemObject, CertificateDer};
use serde_json::{json, Value};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn base() -> String {
    std::env::var("ANTHROPIC_BASE_URL").unwrap()
}

async fn post(client: &reqwest::Client, body: &Value) -> Result<Value> {
    let request = client
        .post(base() + "/v1/messages")
        .header("content-type", "application/json")
        .header("anthropic-version", "2023-06-01")
        .header("x-api-key", "sk-ant-dummy");
    let text = request.body(body.to_string()).send().await?.text().await?;
    Ok(serde_json::from_str(&text)?)
}

async fn agent() -> Result<()> {
    let client = reqwest::Client::new();
    let mut messages = vec![json!({"role": "user", "content": "Run the tool, then say what it printed."})];
    loop {
        let answer = post(&client, &json!({
            "model": "claude-sonnet-4-6", "max_tokens": 1024, "system": "You are an agent.", "messages": messages,
            "tools": [{"name": "bash", "description": "Runs a command.", "input_schema": {"type": "object",
                "properties": {"command": {"type": "string"}}, "required": ["command"]}}],
        })).await?;
        messages.push(json!({"role": "assistant", "content": answer["content"]}));
        let mut results = vec![];
        for block in answer["content"].as_array().ok_or("no content")? {
            if block["type"] == "text" {
                println!("{}", block["text"].as_str().unwrap_or(""));
            }
            if block["type"] == "tool_use" {
                let command = block["input"]["command"].as_str().ok_or("no command")?;
                let out = tokio::process::Command::new("/bin/sh").args(["-c", command]).output().await?;
                let text = String::from_utf8_lossy(&out.stdout);
                results.push(json!({"type": "tool_result", "tool_use_id": block["id"], "content": text}));
            }
        }
        if results.is_empty() {
            return Ok(());
        }
        messages.push(json!({"role": "user", "content": results}));
    }
}

async fn many(tasks: usize, calls: usize, one_pool: bool) -> Result<()> {
    let shared = reqwest::Client::new();
    let mut running = vec![];
    for task in 0..tasks {
        let client = if one_pool { shared.clone() } else { reqwest::Client::new() };
        running.push(tokio::spawn(async move {
            for call in 0..calls {
                let text = format!("{task}/{call} ").repeat(200 * (task + 1));
                let body = json!({"model": format!("m-{task}-{call}"), "max_tokens": 9,
                    "messages": [{"role": "user", "content": text}]});
                post(&client, &body).await?;
            }
            Result::Ok(())
        }));
    }
    for one in running {
        one.await??;
    }
    Ok(())
}

async fn steps() -> Result<()> {
    let client = reqwest::Client::new();
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    let mut n = 0;
    println!("ready {}", std::process::id());
    while let Some(line) = lines.next_line().await? {
        let mut running = vec![];
        n += 1;
        for i in 0..if line == "many" { 5 } else { 1 } {
            let client = client.clone();
            let body = json!({"model": "claude-sonnet-4-6", "max_tokens": 9,
                "messages": [{"role": "user", "content": format!("question {n}: {line} {i}")}]});
            running.push(tokio::spawn(async move { post(&client, &body).await.map(|_| ()) }));
        }
        for one in running {
            one.await??;
        }
        println!("{n} 200");
    }
    Ok(())
}

async fn echo(addr: &str, version: &str, sizes: &[usize]) -> Result<()> {
    let versions: &[&rustls::SupportedProtocolVersion] =
        if version == "1.2" { &[&rustls::version::TLS12] } else { &[&rustls::version::TLS13] };
    let mut roots = rustls::RootCertStore::empty();
    for cert in CertificateDer::pem_file_iter(std::env::var("SSL_CERT_FILE")?)? {
        roots.add(cert?)?;
    }
    let config =
        rustls::ClientConfig::builder_with_protocol_versions(versions).with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    for (&size, vectored) in sizes.iter().flat_map(|s| [(s, false), (s, true)]) {
        let tcp = tokio::net::TcpStream::connect(addr).await?;
        let stream = connector.connect("localhost".try_into()?, tcp).await?;
        let (mut from, mut to) = tokio::io::split(stream);
        // A period that no chunk size divides; as tests/e2e/traffic.c.
        let bytes: Vec<u8> = (0..size).map(|i| ((i % 251) ^ (i / 251 % 241)) as u8).collect();
        let mut got = vec![0; size];
        let writer = tokio::spawn({
            let bytes = bytes.clone();
            async move {
                let mut at = 0;
                while at < bytes.len() && vectored {
                    let parts: Vec<_> = bytes[at..].chunks(1009).take(60).map(std::io::IoSlice::new).collect();
                    at += to.write_vectored(&parts).await?;
                }
                to.write_all(&bytes[at..]).await?;
                to.flush().await?;
                std::io::Result::Ok(to)
            }
        });
        from.read_exact(&mut got).await?;
        assert!(got == bytes);
        writer.await??.shutdown().await?;
    }
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 4)]
async fn main() -> Result<()> {
    let a: Vec<String> = std::env::args().collect();
    let n = |i: usize| a[i].parse::<usize>();
    if std::env::var("PROVIDER").as_deref() == Ok("aws-lc") {
        rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap();
    } else {
        rustls::crypto::ring::default_provider().install_default().unwrap();
    }
    match a[1].as_str() {
        "agent" => agent().await,
        "parallel" => many(n(2)?, n(3)?, false).await,
        "pool" => many(n(2)?, n(3)?, true).await,
        "steps" => steps().await,
        "echo" => echo(&a[2], &a[3], &a[4..].iter().map(|s| s.parse().unwrap()).collect::<Vec<_>>()).await,
        _ => Err("what?".into()),
    }
}
