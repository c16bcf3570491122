// `node compile.js`, after `npm ci` here: prints {contract: {abi, bytecode}} of the peers as JSON.
"use strict";

const fs = require("fs");
const path = require("path");

const trex = "@tokenysolutions/t-rex/contracts";
const onchainid = "@onchain-id/solidity/contracts";
const registries =
  "ClaimTopicsRegistry IdentityRegistry IdentityRegistryStorage TrustedIssuersRegistry";
// compiler, EVM, contracts by folder. T-REX names its compiler exactly; london is what that
// compiler, and so its package, builds for.
const builds = [
  ["solc-0.8.28", "cancun", { ".": "OwnedToken", "openzeppelin-5/proxy/ERC1967": "ERC1967Proxy" }],
  [
    "solc-0.8.17",
    "london",
    {
      [onchainid]: "ClaimIssuer Identity",
      [`${onchainid}/proxy`]: "IdentityProxy ImplementationAuthority",
      [`${trex}/token`]: "Token",
      [`${trex}/registry/implementation`]: registries,
      [`${trex}/compliance/modular`]: "ModularCompliance",
      [`${trex}/compliance/modular/modules`]:
        "ModuleProxy CountryAllowModule MaxBalanceModule SupplyLimitModule",
      [`${trex}/proxy`]: `Token ModularCompliance ${registries}`.replace(/\w+/g, "$&Proxy"),
      [`${trex}/proxy/authority`]: "TREXImplementationAuthority",
    },
  ],
];

const read = (file) =>
  fs.readFileSync(path.join(__dirname, file.includes("/") ? "node_modules" : "", file), "utf8");

const compiled = {};
for (const [solc, evmVersion, contracts] of builds) {
  const files = Object.entries(contracts).flatMap(([folder, names]) =>
    names.split(" ").map((name) => path.join(folder, `${name}.sol`)),
  );
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(files.map((file) => [file, { content: read(file) }])),
    settings: {
      evmVersion,
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
    },
  };
  const imports = { import: (file) => ({ contents: read(file) }) };
  const output = JSON.parse(require(solc).compile(JSON.stringify(input), imports));
  const errors = (output.errors || []).filter((each) => each.severity === "error");
  if (errors.length > 0) throw new Error(errors.map((each) => each.formattedMessage).join("\n"));
  for (const file of files) {
    const name = path.basename(file, ".sol");
    const { abi, evm } = output.contracts[file][name];
    compiled[name] = { abi, bytecode: evm.bytecode.object };
  }
}
process.stdout.write(JSON.stringify(compiled));
