// Older versions of rustls, without tokio:
//
//   old 0.21|0.22 HOST:PORT 1.2|1.3 SIZE..  sends SIZE bytes, in pieces that come back before the next
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

// The first certificate of a PEM file.
fn authority() -> Result<Vec<u8>> {
    use rustls::pki_types::{pem::PemObject, CertificateDer};
    Ok(CertificateDer::from_pem_file(std::env::var("SSL_CERT_FILE")?)?.to_vec())
}

fn old21(tcp: TcpStream, version: &str) -> Result<Box<dyn ReadWrite>> {
    let mut roots = rustls021::RootCertStore::empty();
    roots.add(&rustls021::Certificate(authority()?))?;
    let one = if version == "1.2" { &rustls021::version::TLS12 } else { &rustls021::version::TLS13 };
    let config = rustls021::ClientConfig::builder()
        .with_safe_default_cipher_suites()
        .with_safe_default_kx_groups()
        .with_protocol_versions(&[one])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = rustls021::ClientConnection::new(Arc::new(config), "localhost".try_into()?)?;
    Ok(Box::new(rustls021::StreamOwned::new(client, tcp)))
}

fn old22(tcp: TcpStream, version: &str) -> Result<Box<dyn ReadWrite>> {
    let mut roots = rustls022::RootCertStore::empty();
    roots.add(authority()?.into())?;
    let one = if version == "1.2" { &rustls022::version::TLS12 } else { &rustls022::version::TLS13 };
    let config = rustls022::ClientConfig::builder_with_protocol_versions(&[one])
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = rustls022::ClientConnection::new(Arc::new(config), "localhost".try_into()?)?;
    Ok(Box::new(rustls022::StreamOwned::new(client, tcp)))
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

fn main() -> Result<()> {
    let a: Vec<String> = std::env::args().collect();
    for size in a[4..].iter().map(|s| s.parse::<usize>().unwrap()) {
        let tcp = TcpStream::connect(&a[2])?;
        let mut stream = if a[1] == "0.21" { old21(tcp, &a[3])? } else { old22(tcp, &a[3])? };
        // A period that no chunk size divides; as tests/e2e/traffic.c.
        let bytes: Vec<u8> = (0..size).map(|i| ((i % 251) ^ (i / 251 % 241)) as u8).collect();
        for piece in bytes.chunks(50021) {
            let mut got = vec![0; piece.len()];
            stream.write_all(piece)?;
            stream.flush()?;
            stream.read_exact(&mut got)?;
            assert!(got == piece);
        }
    }
    Ok(())
}
