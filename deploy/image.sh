# Sourced by ./build: packs dist/ with the few Debian packages that it stands on into dist/posthorn-image.tar, which both
# "docker load" and "podman load" read. No registry and no daemon is asked: the root file system comes from apt.

say "packing the container image"
image=$root/artifacts/image
rm -rf "$image"
mkdir -p "$image"/{debs,files,layout/blobs/sha256}

base_packages=(base-files libc6 libgcc-s1 gcc-12-base libssl3 ca-certificates tzdata netbase)
(
    cd "$image/debs"
    download() { apt-get -qq -o APT::Sandbox::User=root download "${base_packages[@]}" 2>"$image/apt.log"; }
    download || { say "updating the package lists"; apt update; download; } ||
        { cat "$image/apt.log" >&2; die "apt has not the packages of the image"; }
)
for deb in "$image"/debs/*.deb; do dpkg-deb -x "$deb" "$image/files"; done

# What the packages' scripts would have done, and what a shell would need, which is not there.
rm -rf "$image"/files/usr/share/{doc,man,lintian,locale} "$image"/files/var/{cache,backups}
cat "$image"/files/usr/share/ca-certificates/mozilla/*.crt >"$image/files/etc/ssl/certs/ca-certificates.crt"
printf 'root:x:0:0:root:/:/usr/sbin/nologin\nposthorn:x:950:950:Posthorn:/var/lib/posthorn:/usr/sbin/nologin\n' >"$image/files/etc/passwd"
printf 'root:x:0:\nposthorn:x:950:\n' >"$image/files/etc/group"
install -d -m 1777 "$image/files/tmp"
install -d -m 750 "$image/files/var/lib/posthorn"
install -d "$image/files/usr/lib/posthorn" "$image/files/usr/bin"
install -m 755 "$dist/posthorn" "$image/files/usr/lib/posthorn/"
install -m 644 "$dist"/*.so "$image/files/usr/lib/posthorn/"
ln -s ../lib/posthorn/posthorn "$image/files/usr/bin/posthorn"

pack() { tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu "$@"; }
digest() { sha256sum "$1" | cut -d ' ' -f 1; }
blobs=$image/layout/blobs/sha256
# keep FILE: moves it to its place by digest and prints that.
keep() { local name; name=$(digest "$1"); mv "$1" "$blobs/$name"; echo "$name"; }

# Two archives glued to one: everything as root, then the data directory as the service's own.
pack -C "$image/files" --exclude=./var/lib/posthorn -cf "$image/layer.tar" .
tar --mtime="@$SOURCE_DATE_EPOCH" --owner=950 --group=950 --numeric-owner --format=gnu -C "$image/files" -rf "$image/layer.tar" ./var/lib/posthorn
layer=$(keep "$image/layer.tar")

created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
cat >"$image/config.json" <<JSON
{"architecture":"$architecture","os":"linux","created":"$created",
 "config":{"User":"950:950","Env":["PATH=/usr/bin","POSTHORN_DATA=/var/lib/posthorn"],"Entrypoint":["/usr/bin/posthorn"],"Cmd":["serve"],
  "WorkingDir":"/var/lib/posthorn","StopSignal":"SIGTERM","Volumes":{"/var/lib/posthorn":{}},
  "ExposedPorts":{"25/tcp":{},"80/tcp":{},"143/tcp":{},"443/tcp":{},"465/tcp":{},"587/tcp":{},"993/tcp":{}},
  "Labels":{"org.opencontainers.image.title":"Posthorn","org.opencontainers.image.version":"$version","org.opencontainers.image.licenses":"MIT"}},
 "rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},
 "history":[{"created":"$created","comment":"Posthorn $version"}]}
JSON
config=$(keep "$image/config.json")
oci=application/vnd.oci.image
cat >"$image/manifest.json" <<JSON
{"schemaVersion":2,"mediaType":"$oci.manifest.v1+json",
 "config":{"mediaType":"$oci.config.v1+json","digest":"sha256:$config","size":$(stat -c %s "$blobs/$config")},
 "layers":[{"mediaType":"$oci.layer.v1.tar","digest":"sha256:$layer","size":$(stat -c %s "$blobs/$layer")}]}
JSON
manifest=$(keep "$image/manifest.json")
cat >"$image/layout/index.json" <<JSON
{"schemaVersion":2,"manifests":[{"mediaType":"$oci.manifest.v1+json","digest":"sha256:$manifest","size":$(stat -c %s "$blobs/$manifest"),
 "annotations":{"org.opencontainers.image.ref.name":"$version","io.containerd.image.name":"localhost/posthorn:$version"}}]}
JSON
printf '{"imageLayoutVersion":"1.0.0"}\n' >"$image/layout/oci-layout"
# The older format's table of contents names the same blobs.
cat >"$image/layout/manifest.json" <<JSON
[{"Config":"blobs/sha256/$config","RepoTags":["localhost/posthorn:$version","localhost/posthorn:latest"],"Layers":["blobs/sha256/$layer"]}]
JSON
pack -C "$image/layout" -cf "$dist/posthorn-image.tar" .
say "dist/posthorn-image.tar: $(du -h --apparent-size "$dist/posthorn-image.tar" | cut -f 1)"
