//! How one gets in, by what was said at the start.

use anyhow::bail;
use highwater_model::LoginMode;

use crate::config::ServeArgs;
use crate::identity::GateOptions;
use crate::proxies::Proxies;

/// How one gets in, if what was said of it fits together.
pub(super) fn way_in(args: &ServeArgs) -> anyhow::Result<GateOptions> {
    let login = LoginMode::from(args.login);
    let listens_to_all = args
        .listen
        .is_some_and(|address| !address.ip().is_loopback());
    let origin = match &args.public_url {
        None => None,
        Some(url) if url.scheme() == "https" && url.path() == "/" => {
            Some(url.origin().ascii_serialization())
        }
        Some(url) => bail!(
            "--public-url is {url}; it is https, and a host without a path, like https://highwater.example"
        ),
    };
    let tls = args.tls_cert.is_some();
    if login == LoginMode::Password && listens_to_all && origin.is_none() && !tls {
        bail!(
            "passwords would travel in plain text. Give the server a certificate: --tls-cert FILE --tls-key FILE; or let a proxy of yours \
             answer by https, and name where: --public-url https://highwater.example (and --trusted-proxies, its address, so that logins \
             are slowed by who tries them); or listen on 127.0.0.1."
        );
    }
    if login == LoginMode::Oidc && listens_to_all && origin.is_none() {
        bail!(
            "the provider has to know where it sends browsers back to. Name where they find this server: --public-url https://highwater.example \
             (https by a proxy of yours, or by --tls-cert FILE --tls-key FILE); or listen on 127.0.0.1."
        );
    }
    if login == LoginMode::Local && origin.is_some() {
        bail!(
            "--public-url is for a server with a login; start it with --login=password or --login=oidc"
        );
    }
    let provider = match login {
        LoginMode::Oidc => Some(args.oidc.options()?),
        LoginMode::Local | LoginMode::Password if args.oidc.oidc_issuer.is_some() => {
            bail!(
                "--oidc-issuer is for a server at whose provider one logs in; start it with --login=oidc"
            )
        }
        LoginMode::Local | LoginMode::Password => None,
    };
    Ok(GateOptions {
        login,
        provider,
        origin,
        proxies: Proxies::of(&args.trusted_proxies),
        port: 0,
        tls,
    })
}
