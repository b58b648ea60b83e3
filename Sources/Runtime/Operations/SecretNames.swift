// Names under which people keep secrets. A snapshot leaves such files out unless a glob spells their name, and a
// preview tells of them: a worker that never had a key cannot give it away.
//
// By name only, for the files' contents are nobody's business here. So a key called `notes.txt` is not known for
// what it is, and a slide deck called `talk.key` is taken for one; the glob that names it brings it back.

/// Judges names, whatever their case.
enum SecretNames {
  /// Why a file of this name is left out; nil for an ordinary one.
  static func reason(file name: String) -> String? {
    let name = name.lowercased()
    let isSecret =
      files.contains(name) || prefixes.contains(where: name.hasPrefix)
      || suffixes.contains(where: name.hasSuffix)
      || name.hasSuffix(".json") && jsonPrefixes.contains(where: name.hasPrefix)
    return isSecret ? "looks like a secret; a glob that spells its name lets it in" : nil
  }

  /// Why a folder of this name is left out, with everything in it; nil for an ordinary one.
  static func reason(folder name: String) -> String? {
    folders.contains(name.lowercased())
      ? "looks like a folder of secrets; a glob that spells its name lets it in" : nil
  }

  /// Whether an environment variable of this name would hand a secret on.
  static func isSecret(variable name: String) -> Bool {
    let upper = name.uppercased()
    if variables.contains(upper) { return true }
    let words = upper.split { $0 == "_" || $0 == "-" }.map(String.init)
    return words.contains { word in
      variableWords.contains(word) || variableEndings.contains(where: word.hasSuffix)
    }
  }

  private static let files: Set<String> = [
    ".netrc", "_netrc", ".npmrc", ".pypirc", ".git-credentials", ".pgpass", ".my.cnf", ".htpasswd",
    ".dockercfg", ".vault-token", ".boto", ".s3cfg", "secrets.json", "secrets.yml", "secrets.yaml",
    "secrets.toml",
  ]
  private static let prefixes = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".env"]
  private static let suffixes = [
    ".pem", ".key", ".p8", ".p12", ".pfx", ".ppk", ".kdbx", ".jks", ".keystore", ".env",
  ]
  private static let jsonPrefixes = [
    "credentials", "service-account", "service_account", "client_secret",
  ]
  private static let folders: Set<String> = [".ssh", ".aws", ".azure", ".gnupg", ".kube"]

  private static let variables: Set<String> = ["SSH_AUTH_SOCK", "DATABASE_URL", "PGPASSFILE"]
  private static let variableWords: Set<String> = [
    "KEY", "KEYS", "TOKEN", "TOKENS", "SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASSPHRASE", "PASS",
    "CREDENTIAL", "CREDENTIALS", "PAT", "COOKIE", "DSN",
  ]
  private static let variableEndings = ["TOKEN", "SECRET", "PASSWORD", "APIKEY"]
}
