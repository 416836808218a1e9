//! What `highwater serve --login=oidc` is told of the provider.

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use highwater_model::Role;
use reqwest::Url;

use crate::guard::is_loopback_host;
use crate::identity::{OidcOptions, RoleOfGroup};

/// What is said of the provider.
#[derive(Debug, Clone, Args)]
pub struct OidcArgs {
    /// The provider at which one logs in with --login=oidc, exactly as it names itself (its issuer); https, unless it is on this machine
    #[arg(long, value_name = "URL", env = "HIGHWATER_OIDC_ISSUER")]
    pub oidc_issuer: Option<String>,

    /// As what the provider knows this server; it sends browsers back to /login/oidc/callback
    #[arg(long, value_name = "ID", env = "HIGHWATER_OIDC_CLIENT_ID")]
    pub oidc_client_id: Option<String>,

    /// By what the provider knows that it is this server; better given by the variable or a file, where nobody else reads it
    #[arg(
        long,
        value_name = "SECRET",
        hide_env_values = true,
        env = "HIGHWATER_OIDC_CLIENT_SECRET"
    )]
    pub oidc_client_secret: Option<OidcSecret>,

    /// A file that holds this secret
    #[arg(long, value_name = "FILE", env = "HIGHWATER_OIDC_CLIENT_SECRET_FILE")]
    pub oidc_client_secret_file: Option<PathBuf>,

    /// What is asked of the provider, separated by spaces; some tell of groups only when groups is among it
    #[arg(
        long,
        value_name = "SCOPES",
        default_value = "openid profile email",
        env = "HIGHWATER_OIDC_SCOPES"
    )]
    pub oidc_scopes: String,

    /// Where the ID token has somebody's groups; a dot leads into an object
    #[arg(
        long,
        value_name = "CLAIM",
        default_value = "groups",
        env = "HIGHWATER_OIDC_GROUPS_CLAIM"
    )]
    pub oidc_groups_claim: String,

    /// What a group makes of those who are in it: viewer, operator, author or admin. Given several times or separated by commas; of several the one that may most counts
    #[arg(
        long,
        value_name = "GROUP=ROLE",
        value_delimiter = ',',
        value_parser = role_of_group,
        env = "HIGHWATER_OIDC_ROLE"
    )]
    pub oidc_role: Vec<RoleOfGroup>,
}

/// A client's secret, which is not to be read in a log.
#[derive(Clone)]
pub struct OidcSecret(String);

impl From<String> for OidcSecret {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl std::fmt::Debug for OidcSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OidcSecret")
    }
}

impl OidcArgs {
    /// What was said, if a login can work by it.
    pub fn options(&self) -> anyhow::Result<OidcOptions> {
        let issuer = self.oidc_issuer.as_deref().and_then(said);
        let issuer = issuer.context(
            "--login=oidc needs the provider at which one logs in, exactly as it names itself: --oidc-issuer https://id.example.com/realms/main",
        )?;
        let client_id = self.oidc_client_id.as_deref().and_then(said);
        let client_id = client_id.context(
            "--login=oidc needs the name that the provider has for this server: --oidc-client-id highwater",
        )?;
        let groups_claim = said(&self.oidc_groups_claim)
            .context("--oidc-groups-claim is empty; leave it out, or name the claim")?;
        if self.oidc_role.is_empty() {
            bail!(
                "--login=oidc needs a group whose members have a role, or nobody gets in: --oidc-role highwater-admins=admin"
            );
        }
        if !self.oidc_role.iter().any(|of| of.role == Role::Admin) {
            tracing::warn!(
                "no group makes an admin (--oidc-role), so nobody keeps users and tokens"
            );
        }
        Ok(OidcOptions {
            address: address(&issuer)?,
            issuer,
            client_id,
            client_secret: self.secret()?,
            scopes: self
                .oidc_scopes
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            groups_claim,
            roles: self.oidc_role.clone(),
        })
    }

    fn secret(&self) -> anyhow::Result<String> {
        let given = match (&self.oidc_client_secret, &self.oidc_client_secret_file) {
            (Some(_), Some(_)) => bail!(
                "the provider's secret for this server is given twice; leave --oidc-client-secret or --oidc-client-secret-file out"
            ),
            (Some(secret), None) => secret.0.clone(),
            (None, Some(file)) => std::fs::read_to_string(file).with_context(|| {
                format!("--oidc-client-secret-file {} can't be read", file.display())
            })?,
            (None, None) => bail!(
                "--login=oidc needs the secret that the provider has for this server: --oidc-client-secret-file FILE, or HIGHWATER_OIDC_CLIENT_SECRET"
            ),
        };
        said(&given).context("the provider's secret for this server is empty")
    }
}

/// What was said, if it was anything.
fn said(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn address(issuer: &str) -> anyhow::Result<Url> {
    let wrong = |what: &str| {
        anyhow!("--oidc-issuer is {issuer}; {what}, like https://id.example.com/realms/main")
    };
    let address = Url::parse(issuer).map_err(|_| wrong("it is an address"))?;
    let host = address.host_str().unwrap_or_default();
    match address.scheme() {
        "https" => {}
        "http" if is_loopback_host(host) => {}
        _ => return Err(wrong("it is by https, unless it is on this machine")),
    }
    let has_more = address.query().is_some() || address.fragment().is_some();
    if has_more || !address.username().is_empty() || address.password().is_some() {
        return Err(wrong("it is a host and a path, and nothing else"));
    }
    Ok(address)
}

fn role_of_group(text: &str) -> Result<RoleOfGroup, String> {
    // A group's name may have a sign of equality of its own.
    let Some((group, role)) = text.rsplit_once('=') else {
        return Err("it is a group and its role, like staff=viewer".to_owned());
    };
    let group = said(group).ok_or("the group is missing")?;
    let role = role.trim();
    let role = Role::named(role).ok_or_else(|| {
        let roles: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        format!("{role:?} is no role; roles are {}", roles.join(", "))
    })?;
    Ok(RoleOfGroup { group, role })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Given {
        #[command(flatten)]
        oidc: OidcArgs,
    }

    const ALL: [&str; 8] = [
        "--oidc-issuer",
        "https://id.example/realms/main",
        "--oidc-client-id",
        "highwater",
        "--oidc-client-secret",
        "s3cret",
        "--oidc-role",
        "hw-admins=admin,staff=viewer",
    ];

    /// These arguments, each a name and its value, beside or instead of those that all would have.
    fn options(more: &[(&str, &str)]) -> Result<OidcOptions, String> {
        let mut given: Vec<(&str, &str)> = ALL.chunks(2).map(|pair| (pair[0], pair[1])).collect();
        for (name, value) in more {
            given.retain(|(other, _)| other != name);
            given.push((*name, *value));
        }
        let words = given
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .flat_map(|(name, value)| [*name, *value]);
        let parsed = Given::try_parse_from(std::iter::once("serve").chain(words));
        let parsed = parsed.map_err(|error| error.to_string())?;
        assert!(!format!("{parsed:?}").contains("s3cret"));
        parsed.oidc.options().map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn what_is_said_is_taken_and_the_rest_is_usual() {
        let options = options(&[]).unwrap();
        assert_eq!(options.issuer, "https://id.example/realms/main");
        assert_eq!(options.scopes, ["openid", "profile", "email"]);
        assert_eq!(options.groups_claim, "groups");
        let roles: Vec<(&str, Role)> = options
            .roles
            .iter()
            .map(|of| (of.group.as_str(), of.role))
            .collect();
        assert_eq!(roles, [("hw-admins", Role::Admin), ("staff", Role::Viewer)]);
    }

    #[test]
    fn the_issuer_stays_as_it_was_written() {
        // Providers compare it letter by letter, and an address would get a slash at its end.
        let bare = options(&[("--oidc-issuer", "https://accounts.example")]).unwrap();
        assert_eq!(bare.issuer, "https://accounts.example");
        for here in [
            "http://127.0.0.1:8080",
            "http://localhost:9/x",
            "http://[::1]:9",
        ] {
            assert!(options(&[("--oidc-issuer", here)]).is_ok(), "{here}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        for (name, value, says) in [
            ("--oidc-issuer", "", "--oidc-issuer https"),
            ("--oidc-issuer", "http://id.example", "by https"),
            ("--oidc-issuer", "id.example", "an address"),
            ("--oidc-issuer", "https://id.example/?a=b", "nothing else"),
            ("--oidc-issuer", "https://me@id.example/", "nothing else"),
            ("--oidc-client-id", "", "--oidc-client-id"),
            ("--oidc-client-secret", "", "--oidc-client-secret-file"),
            ("--oidc-client-secret", " ", "is empty"),
            ("--oidc-client-secret-file", "/is/not/there", "given twice"),
            ("--oidc-groups-claim", " ", "is empty"),
            ("--oidc-role", "", "--oidc-role"),
            ("--oidc-role", "staff", "staff=viewer"),
            ("--oidc-role", "staff=root", "\"root\" is no role"),
            ("--oidc-role", "=viewer", "the group is missing"),
        ] {
            let refused = options(&[(name, value)]).unwrap_err();
            assert!(refused.contains(says), "{name} {value:?}: {refused}");
        }
    }

    #[test]
    fn the_secret_comes_from_a_file_too() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from the file\n").unwrap();
        let path = file.path().to_str().unwrap();
        let given = [
            ("--oidc-client-secret", ""),
            ("--oidc-client-secret-file", path),
        ];
        assert_eq!(options(&given).unwrap().client_secret, "from the file");
        let missing = [
            ("--oidc-client-secret", ""),
            ("--oidc-client-secret-file", "/is/not/there"),
        ];
        assert!(options(&missing).unwrap_err().contains("/is/not/there"));
    }

    #[test]
    fn a_group_may_be_named_like_an_assignment() {
        let of = role_of_group("CN=ops=operator").unwrap();
        assert_eq!((of.group.as_str(), of.role), ("CN=ops", Role::Operator));
    }
}
