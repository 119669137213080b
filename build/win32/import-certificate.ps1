# Puts the certificate of the pipeline into the user's store. The password is never an argument of a process.
# CERTIFICATE: the .pfx file in base64; CERTIFICATE_PASSWORD: its password.
$ErrorActionPreference = 'Stop'
$file = Join-Path $env:RUNNER_TEMP 'certificate.pfx'
[IO.File]::WriteAllBytes($file, [Convert]::FromBase64String($env:CERTIFICATE))
try {
  $password = ConvertTo-SecureString $env:CERTIFICATE_PASSWORD -AsPlainText -Force
  Import-PfxCertificate -FilePath $file -CertStoreLocation Cert:\CurrentUser\My -Password $password | Out-Null
} finally {
  Remove-Item $file
}
