// `node compile.js`, after `npm ci` here: prints {contract: {abi, bytecode}} of the peers as JSON.
"use strict";

const fs = require("fs");
const path = require("path");

const trex = "@tokenysolutions/t-rex/contracts";
const onchainid = "@onchain-id/solidity/contracts";
const registries =
  "ClaimTopicsRegistry IdentityRegistry IdentityRegistryStorage TrustedIssuersRegistry";
const hyperlane = "@hyperlane-xyz/core/contracts";
const libraries = "@hyperlane-xyz/core/dependencies/@openzeppelin-contracts";
// compiler, EVM, contracts by folder (file:contract where they differ), settings that differ. T-REX
// names its compiler exactly; london is what that compiler, and so its package, builds for.
// Hyperlane's settings and libraries are its package's.
const builds = [
  [
    "solc-0.8.28",
    "cancun",
    {
      ".": "OwnedToken LeastGateway LinkedBridge LinkedToken",
      "openzeppelin-5/proxy/ERC1967": "ERC1967Proxy",
    },
  ],
  [
    "solc-0.8.33",
    "cancun",
    {
      [hyperlane]: "Mailbox",
      [`${hyperlane}/hooks`]: "MerkleTreeHook PausableHook",
      [`${hyperlane}/isms/multisig`]: "StaticMultisigIsm:StaticMessageIdMultisigIsmFactory",
      [`${hyperlane}/token`]: "HypERC20 HypERC20Collateral",
    },
    {
      optimizer: { enabled: true, runs: 3599 },
      remappings: [
        `@openzeppelin/contracts/=${libraries}-4.9.3/contracts/`,
        `@openzeppelin/contracts-upgradeable/=${libraries}-upgradeable-4.9.3/contracts/`,
      ],
    },
  ],
  ["solc-0.8.22", "shanghai", { ".": "OmnichainAdapter OmnichainToken" }],
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

// LayerZero's own contracts are what its packages ship compiled: the sources of two of them import a
// deployment tool.
const shipped = {
  "lz-evm-protocol-v2": ["EndpointV2"],
  "lz-evm-messagelib-v2": [
    ...["Executor", "ExecutorFeeLib", "PriceFeed", "Treasury"],
    ...["uln/dvn/DVN", "uln/dvn/DVNFeeLib", "uln/uln302/ReceiveUln302", "uln/uln302/SendUln302"],
    "upgradeable/proxy/TransparentUpgradeableProxy",
  ],
};

// So is Chainlink's CCIP, by the names of its files; they are told apart by the folder.
const ccip =
  "burn_mint_token_pool committee_verifier cross_chain_token erc20_lock_box executor fee_quoter " +
  "lock_release_token_pool offramp onramp rmn router token_admin_registry versioned_verifier_resolver";

const read = (file) =>
  fs.readFileSync(path.join(__dirname, file.includes("/") ? "node_modules" : "", file), "utf8");

const compiled = {};
for (const [solc, evmVersion, contracts, different] of builds) {
  const wanted = Object.entries(contracts).flatMap(([folder, names]) =>
    names.split(" ").map((each) => {
      const [file, name] = each.split(":");
      return [path.join(folder, `${file}.sol`), name || file];
    }),
  );
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(wanted.map(([file]) => [file, { content: read(file) }])),
    settings: {
      evmVersion,
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
      ...different,
    },
  };
  const imports = { import: (file) => ({ contents: read(file) }) };
  const output = JSON.parse(require(solc).compile(JSON.stringify(input), imports));
  const errors = (output.errors || []).filter((each) => each.severity === "error");
  if (errors.length > 0) throw new Error(errors.map((each) => each.formattedMessage).join("\n"));
  for (const [file, name] of wanted) {
    const { abi, evm } = output.contracts[file][name];
    compiled[name] = { abi, bytecode: evm.bytecode.object };
  }
}
for (const [name, contracts] of Object.entries(shipped)) {
  for (const each of contracts) {
    const file = path.join(`${each}.sol`, `${path.basename(each)}.json`);
    const { abi, bytecode } = JSON.parse(read(`@layerzerolabs/${name}/artifacts/contracts/${file}`));
    compiled[path.basename(each)] = { abi, bytecode: bytecode.slice(2) };
  }
}
for (const each of ccip.split(" ")) {
  const [abi, code] = [`abi/latest/${each}.json`, `bytecode/latest/${each}.bin`].map((file) =>
    read(`@chainlink/contracts-ccip/${file}`),
  );
  compiled[`ccip/${each}`] = { abi: JSON.parse(abi), bytecode: code.trim().replace(/^0x/, "") };
}
process.stdout.write(JSON.stringify(compiled));
