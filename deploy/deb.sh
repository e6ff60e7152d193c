# Sourced by ./build: packs dist/ into a .deb.

say "packing the .deb"
tree=$root/artifacts/deb
rm -rf "$tree"
install -d "$tree/DEBIAN" "$tree/usr/bin" "$tree/usr/lib/posthorn" "$tree/usr/lib/systemd/system" "$tree/usr/share/doc/posthorn" "$tree/etc/posthorn"
install -m 755 "$dist/posthorn" "$tree/usr/lib/posthorn/"
install -m 644 "$dist"/*.so "$tree/usr/lib/posthorn/"
ln -s ../lib/posthorn/posthorn "$tree/usr/bin/posthorn"
install -m 644 "$root/deploy/posthorn.service" "$tree/usr/lib/systemd/system/"
install -m 644 "$root/deploy/deb/environment" "$tree/etc/posthorn/"
install -m 644 "$root/LICENSE" "$tree/usr/share/doc/posthorn/copyright"
install -m 644 "$root/docs/operate/install.md" "$root/CHANGELOG.md" "$tree/usr/share/doc/posthorn/"
install -m 755 "$root/deploy/deb/"{postinst,prerm,postrm} "$tree/DEBIAN/"
install -m 644 "$root/deploy/deb/conffiles" "$tree/DEBIAN/"
size=$(du -sk --apparent-size --exclude=DEBIAN "$tree" | cut -f 1)
sed "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@SIZE@/$size/" "$root/deploy/deb/control" >"$tree/DEBIAN/control"
rm -f "$dist"/posthorn_*.deb
dpkg-deb --root-owner-group --build "$tree" "$dist/posthorn_${version}_${architecture}.deb" >/dev/null
say "dist/posthorn_${version}_${architecture}.deb"
