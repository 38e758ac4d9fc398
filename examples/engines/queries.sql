-- Sigma rules as SQLite queries, made with sigma-cli 3.1.0, pySigma 1.5.1 and pySigma-backend-sqlite 2.0.0:
--   sigma convert -t sqlite --without-pipeline rules/
-- The converter leaves the log source out, so it stands above each query.

-- rule: A secret is printed by a tool of the shell
-- source: process_creation
SELECT * FROM logs WHERE (Image LIKE '%/cat' ESCAPE '\' OR Image LIKE '%/head' ESCAPE '\' OR Image LIKE '%/tail' ESCAPE '\') AND CommandLine LIKE '%/vault/%' ESCAPE '\'

-- rule: A secret is laid down in a folder for temporary files
-- source: file_event
SELECT * FROM logs WHERE TargetFilename REGEXP '^/(var/)?tmp/vault/[a-z]+$'
