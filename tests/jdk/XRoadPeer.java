// A server of the old world, made of the JDK alone: TLS 1.2 with X-Road's suites, X-Road's headers and frame.
//
// Read by tests that hold tambo's wire against another implementation. It makes and reads every byte by itself, and is
// stricter than X-Road: whatever stands in another place than the protocol says ends it with an error.
//
//   XRoadPeer handshake HOST PORT IDENTITY [SUITES]           shakes hands, says a GET, tells suite and answer
//   XRoadPeer send HOST PORT IDENTITY PARTS OUT [SUITES]      sends a message made of the files in PARTS, keeps the answer's parts in OUT
//   XRoadPeer fault PORT IDENTITY HOW                         answers one call with a fault: whole, part, or late
//   XRoadPeer relay PORT IDENTITY HOST PORT IDENTITY COUNT    takes calls, reads and writes them anew, passes them on
//
// IDENTITY is a folder with key.pem (PKCS#8) and chain.pem. PORT 0 takes a free one and tells it.
import java.io.*;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.cert.Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.*;
import javax.net.ssl.*;

public class XRoadPeer {
    static final String[] SUITES = {
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
        "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    };
    static final List<String> ORDER = List.of(
        "application/ocsp-response", "application/x-road-rest-request", "application/x-road-rest-response",
        "application/x-road-rest-body", "application/hash-chain-result", "application/hash-chain",
        "signature/bdoc-1.0/ts");
    static final String FAULT = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
        + "<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:xroad=\"http://x-road.eu/xsd/xroad.xsd\">"
        + "<SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>Server.ServerProxy.AccessDenied</faultcode>"
        + "<faultstring>Request is not allowed here</faultstring><faultactor></faultactor>"
        + "<detail><xroad:faultDetail>8f14e45f</xroad:faultDetail></detail></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>";

    record Part(String type, byte[] bytes) {}

    record Http(String first, Map<String, String> headers, byte[] body) {}

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "handshake" -> handshake(args);
            case "send" -> send(args);
            case "fault" -> fault(args);
            case "relay" -> relay(args);
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    // --- TLS

    static byte[] pem(String text) {
        return Base64.getMimeDecoder().decode(text.replaceAll("-----[A-Z ]+-----", ""));
    }

    static SSLContext context(String folder) throws Exception {
        byte[] key = pem(Files.readString(Path.of(folder, "key.pem")));
        List<Certificate> chain = new ArrayList<>();
        try (InputStream in = Files.newInputStream(Path.of(folder, "chain.pem"))) {
            chain.addAll(CertificateFactory.getInstance("X.509").generateCertificates(in));
        }
        String kind = chain.get(0).getPublicKey().getAlgorithm();
        PrivateKey secret = KeyFactory.getInstance(kind).generatePrivate(new PKCS8EncodedKeySpec(key));
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("auth", secret, new char[0], chain.toArray(new Certificate[0]));
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, new char[0]);
        SSLContext context = SSLContext.getInstance("TLSv1.2");
        context.init(keys.getKeyManagers(), new TrustManager[] {new Anybody()}, new SecureRandom());
        return context;
    }

    /** X-Road takes any certificate in the handshake and judges it afterwards. */
    static class Anybody extends X509ExtendedTrustManager {
        public void checkClientTrusted(X509Certificate[] c, String a) {}
        public void checkServerTrusted(X509Certificate[] c, String a) {}
        public void checkClientTrusted(X509Certificate[] c, String a, Socket s) {}
        public void checkServerTrusted(X509Certificate[] c, String a, Socket s) {}
        public void checkClientTrusted(X509Certificate[] c, String a, SSLEngine e) {}
        public void checkServerTrusted(X509Certificate[] c, String a, SSLEngine e) {}
        public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
    }

    static SSLSocket connect(String host, String port, String identity, String[] suites) throws Exception {
        SSLSocket socket = (SSLSocket) context(identity).getSocketFactory().createSocket(host, Integer.parseInt(port));
        socket.setEnabledProtocols(new String[] {"TLSv1.2"});
        socket.setEnabledCipherSuites(suites);
        socket.setSoTimeout(15_000);
        socket.startHandshake();
        tell("client", socket.getSession());
        return socket;
    }

    static SSLServerSocket listen(String port, String identity) throws Exception {
        SSLServerSocket listener =
            (SSLServerSocket) context(identity).getServerSocketFactory().createServerSocket(Integer.parseInt(port));
        listener.setEnabledProtocols(new String[] {"TLSv1.2"});
        listener.setEnabledCipherSuites(SUITES);
        listener.setNeedClientAuth(true);
        System.out.println("listening " + listener.getLocalPort());
        System.out.flush();
        return listener;
    }

    /** The next caller that speaks TLS 1.2; whoever offers only TLS 1.3 gets the JDK's alert. */
    static SSLSocket accept(SSLServerSocket listener) throws Exception {
        while (true) {
            SSLSocket socket = (SSLSocket) listener.accept();
            try {
                socket.setSoTimeout(15_000);
                socket.startHandshake();
                tell("server", socket.getSession());
                return socket;
            } catch (SSLException error) {
                System.out.println("refused " + error.getMessage());
                System.out.flush();
                socket.close();
            }
        }
    }

    static void tell(String side, SSLSession session) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        byte[] peer = digest.digest(session.getPeerCertificates()[0].getEncoded());
        System.out.println(side + " " + session.getProtocol() + " " + session.getCipherSuite()
            + " peer " + HexFormat.of().formatHex(peer));
        System.out.flush();
    }

    static String[] suites(String[] args, int at) {
        return args.length > at ? args[at].split(",") : SUITES;
    }

    // --- what it does

    static void handshake(String[] args) throws Exception {
        try (SSLSocket socket = connect(args[1], args[2], args[3], suites(args, 4))) {
            OutputStream out = socket.getOutputStream();
            out.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
            Http answer = readHttp(socket.getInputStream());
            System.out.println("answer " + answer.first + " | " + answer.headers.get("content-type"));
            System.out.println(new String(answer.body, StandardCharsets.UTF_8));
        }
    }

    static void send(String[] args) throws Exception {
        List<Part> parts = new ArrayList<>();
        String[] names = {"ocsp", "rest", "body", "chain-result", "chain", "signature"};
        String[] types = {ORDER.get(0), ORDER.get(1), ORDER.get(3), ORDER.get(4), ORDER.get(5), ORDER.get(6)};
        for (int i = 0; i < names.length; i++) {
            Path file = Path.of(args[4], names[i]);
            if (Files.exists(file)) parts.add(new Part(types[i], Files.readAllBytes(file)));
        }
        String id = Files.readString(Path.of(args[4], "request-id"));
        try (SSLSocket socket = connect(args[1], args[2], args[3], suites(args, 6))) {
            Http answer = call(socket, parts, id);
            System.out.println("answer " + answer.first + " | " + answer.headers.get("content-type"));
            if (!answer.headers.get("content-type").startsWith("multipart/mixed")) {
                System.out.println(new String(answer.body, StandardCharsets.UTF_8));
                return;
            }
            check("SHA-512".equals(answer.headers.get("x-hash-algorithm")), "no x-hash-algorithm");
            for (Part part : readParts(answer, false)) {
                System.out.println("part " + part.type + " " + part.bytes.length);
                String name = part.type.equals(ORDER.get(2)) ? "rest" : names[List.of(types).indexOf(part.type)];
                Files.write(Path.of(args[5], name), part.bytes);
            }
        }
    }

    static void fault(String[] args) throws Exception {
        try (SSLServerSocket listener = listen(args[1], args[2]); SSLSocket socket = accept(listener)) {
            readCall(socket);
            OutputStream out = socket.getOutputStream();
            byte[] xml = FAULT.getBytes(StandardCharsets.UTF_8);
            if (args[3].equals("whole")) {
                answer(out, "text/xml;charset=utf-8", xml);
            } else {
                List<Part> parts = new ArrayList<>();
                if (args[3].equals("late")) parts.add(new Part(ORDER.get(2), "200\r\nOK\r\n".getBytes(StandardCharsets.UTF_8)));
                parts.add(new Part("text/xml; charset=UTF-8", xml));
                String boundary = boundary();
                answer(out, "multipart/mixed; charset=UTF-8; boundary=" + boundary, frame(parts, boundary));
            }
            socket.shutdownOutput();
        }
    }

    static void relay(String[] args) throws Exception {
        try (SSLServerSocket listener = listen(args[1], args[2])) {
            for (int count = Integer.parseInt(args[6]); count > 0; count--) {
                try (SSLSocket socket = accept(listener)) {
                    Http call = readCall(socket);
                    try (SSLSocket on = connect(args[3], args[4], args[5], SUITES)) {
                        Http answer = call(on, readParts(call, true), call.headers.get("x-road-request-id"));
                        String boundary = boundary();
                        String kind = answer.headers.get("content-type");
                        boolean message = kind.startsWith("multipart/mixed");
                        byte[] body = message ? frame(readParts(answer, false), boundary) : answer.body;
                        if (message) kind = "multipart/mixed; charset=UTF-8; boundary=" + boundary;
                        answer(socket.getOutputStream(), kind, body);
                    }
                    socket.shutdownOutput();
                }
            }
        }
    }

    // --- the protocol

    static Http readCall(SSLSocket socket) throws Exception {
        Http call = readHttp(socket.getInputStream());
        check(call.first.equals("POST / HTTP/1.1"), call.first);
        check("chunked".equals(call.headers.get("transfer-encoding")), "not in chunks");
        check("SHA-512".equals(call.headers.get("x-hash-algorithm")), "x-hash-algorithm");
        check("REST".equals(call.headers.get("x-road-message-type")), "x-road-message-type");
        check(call.headers.get("x-proxy-version").matches("\\d+\\.\\d+\\.\\d+(-.*)?"), "x-proxy-version");
        check(call.headers.get("x-road-request-id").matches("[0-9a-f-]{36}"), "x-road-request-id");
        check(call.headers.containsKey("x-original-content-type"), "x-original-content-type");
        for (Part part : readParts(call, true)) System.out.println("part " + part.type + " " + part.bytes.length);
        System.out.flush();
        return call;
    }

    static Http call(SSLSocket socket, List<Part> parts, String id) throws Exception {
        String boundary = boundary();
        byte[] body = frame(parts, boundary);
        OutputStream out = new BufferedOutputStream(socket.getOutputStream());
        out.write(("POST / HTTP/1.1\r\nx-hash-algorithm: SHA-512\r\nx-proxy-version: 7.8.0\r\n"
            + "x-original-content-type: application/json\r\nx-road-message-type: REST\r\nx-road-request-id: " + id + "\r\n"
            + "Transfer-Encoding: chunked\r\nContent-Type: multipart/mixed; charset=UTF-8; boundary=" + boundary + "\r\n"
            + "Host: localhost:5500\r\nConnection: Keep-Alive\r\nUser-Agent: Apache-HttpClient/4.5.14 (Java/21.0.2)\r\n"
            + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
        for (int at = 0; at < body.length; at += 2048) {
            int length = Math.min(2048, body.length - at);
            out.write((Integer.toHexString(length) + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
            out.write(body, at, length);
            out.write("\r\n".getBytes(StandardCharsets.ISO_8859_1));
        }
        out.write("0\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
        return readHttp(socket.getInputStream());
    }

    static void answer(OutputStream out, String kind, byte[] body) throws IOException {
        out.write(("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: " + kind + "\r\nx-hash-algorithm: SHA-512\r\n"
            + "Content-Length: " + body.length + "\r\n\r\n").getBytes(StandardCharsets.ISO_8859_1));
        out.write(body);
        out.flush();
    }

    static String boundary() {
        StringBuilder text = new StringBuilder("xtop");
        SecureRandom chance = new SecureRandom();
        for (int i = 0; i < 30; i++) text.append("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".charAt(chance.nextInt(52)));
        return text.toString();
    }

    static byte[] frame(List<Part> parts, String boundary) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Part part : parts) {
            String head = (out.size() > 0 ? "\r\n" : "") + "--" + boundary + "\r\ncontent-type: " + part.type + "\r\n\r\n";
            out.write(head.getBytes(StandardCharsets.ISO_8859_1));
            out.write(part.bytes);
        }
        out.write(("\r\n--" + boundary + "--\r\n").getBytes(StandardCharsets.ISO_8859_1));
        return out.toByteArray();
    }

    /** The parts, which must begin with the first boundary, stand in the protocol's order and end with a signature. */
    static List<Part> readParts(Http message, boolean request) {
        String kind = message.headers.get("content-type");
        String prefix = "multipart/mixed; charset=UTF-8; boundary=xtop";
        check(kind.startsWith(prefix) && kind.length() == prefix.length() + 30, kind);
        String boundary = kind.substring(prefix.length() - 4);
        String text = new String(message.body, StandardCharsets.ISO_8859_1);
        String first = "--" + boundary + "\r\n", end = "\r\n--" + boundary + "--\r\n";
        check(text.startsWith(first), "does not begin with the boundary");
        check(text.endsWith(end), "does not end with the boundary");
        List<Part> parts = new ArrayList<>();
        int last = -1;
        for (String piece : text.substring(first.length(), text.length() - end.length()).split("\r\n" + first, -1)) {
            int at = piece.indexOf("\r\n\r\n");
            String head = piece.substring(0, at);
            check(head.startsWith("content-type: ") && !head.contains("\r\n"), "head of a part: " + head);
            String type = head.substring("content-type: ".length());
            int place = ORDER.indexOf(type);
            check(place > last || place == 0 && last == 0, "order: " + type);
            check(request ? place != 2 : place != 0 && place != 1, "not of this direction: " + type);
            last = place;
            parts.add(new Part(type, piece.substring(at + 4).getBytes(StandardCharsets.ISO_8859_1)));
        }
        check(last == ORDER.size() - 1, "no signature at the end");
        return parts;
    }

    static Http readHttp(InputStream raw) throws IOException {
        DataInputStream in = new DataInputStream(new BufferedInputStream(raw));
        String first = line(in);
        Map<String, String> headers = new HashMap<>();
        for (String line = line(in); !line.isEmpty(); line = line(in)) {
            int at = line.indexOf(':');
            headers.put(line.substring(0, at).toLowerCase(Locale.ROOT), line.substring(at + 1).trim());
        }
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        if ("chunked".equals(headers.get("transfer-encoding"))) {
            for (int size = Integer.parseInt(line(in), 16); size > 0; size = Integer.parseInt(line(in), 16)) {
                body.write(in.readNBytes(size));
                check(line(in).isEmpty(), "end of a chunk");
            }
            line(in);
        } else if (headers.containsKey("content-length")) {
            body.write(in.readNBytes(Integer.parseInt(headers.get("content-length"))));
        }
        return new Http(first, headers, body.toByteArray());
    }

    static String line(DataInputStream in) throws IOException {
        StringBuilder text = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) throw new EOFException("the line ended after '" + text + "'");
            if (c != '\r') text.append((char) c);
        }
        return text.toString();
    }

    static void check(boolean holds, String what) {
        if (!holds) throw new IllegalStateException("not as the protocol says: " + what);
    }
}
