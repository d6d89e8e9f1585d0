# A worker on NixOS, and a hook that passes to it what Nix builds. `package` is the npm package of @eka-ci/caches,
# as created by `buildNpmPackage`.
{ config, lib, pkgs, ... }:
let
  cfg = config.services.eka-caches;
  journal = "/var/lib/eka-ci/pushes.sqlite";
in
{
  options.services.eka-caches = {
    enable = lib.mkEnableOption "pushes to binary caches";
    package = lib.mkOption { type = lib.types.package; };
    configFile = lib.mkOption { type = lib.types.path; description = "The server's configuration."; };
    credentials = lib.mkOption {
      type = lib.types.attrsOf lib.types.path;
      default = { };
      description = "Names of systemd credentials, and the encrypted files that hold them.";
    };
    metricsPort = lib.mkOption { type = lib.types.port; default = 9464; };
    postBuildHook = {
      enable = lib.mkEnableOption "the hook that hands over what Nix builds on this machine";
      cache = lib.mkOption { type = lib.types.str; description = "Id of the cache that it goes to."; };
      repository = lib.mkOption { type = lib.types.str; default = "local/builds"; };
    };
  };

  config = lib.mkIf cfg.enable {
    users.users.eka-ci = { isSystemUser = true; group = "eka-ci"; };
    users.groups.eka-ci = { };

    # The hook sets cache and repository. Whoever asks Nix to build something must not choose them.
    nix.settings = lib.mkIf cfg.postBuildHook.enable {
      post-build-hook = pkgs.writeShellScript "eka-caches-hook" ''
        export PATH=${lib.makeBinPath [ cfg.package pkgs.nix pkgs.util-linux pkgs.coreutils ]}
        export EKA_CACHES_JOURNAL=${journal} EKA_CACHES_CONFIG=${cfg.configFile}
        export EKA_CACHES_CACHE=${cfg.postBuildHook.cache} EKA_CACHES_REPO=${cfg.postBuildHook.repository}
        exec ${./post-build-hook/hook.sh}
      '';
    };

    systemd.services.eka-caches-worker = {
      description = "Pushes Nix build outputs to binary caches";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" "nix-daemon.socket" ];
      path = [ pkgs.nix pkgs.cachix pkgs.attic-client pkgs.systemd ];
      environment.NIX_REMOTE = "daemon";
      serviceConfig = {
        Type = "notify";
        NotifyAccess = "all";
        ExecStart = "${cfg.package}/bin/eka-caches worker --config ${cfg.configFile} --journal ${journal} --metrics ${toString cfg.metricsPort}";
        ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
        LoadCredentialEncrypted = lib.mapAttrsToList (name: file: "${name}:${file}") cfg.credentials;
        Restart = "on-failure";
        User = "eka-ci";
        Group = "eka-ci";
        StateDirectory = "eka-ci";
        StateDirectoryMode = "0700";
        UMask = "0077";
        NoNewPrivileges = true;
        ProtectSystem = "strict";
        ProtectHome = true;
        PrivateTmp = true;
        TimeoutStopSec = 90;
      };
    };
  };
}
