import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import org.elasticmq.rest.sqs.SQSRestServerBuilder;
import org.elasticmq.util.NowProvider;

/**
 * Runs ElasticMQ on a free port of 127.0.0.1 for the process at the other end of its pipes: see
 * launcher.py. Of the commands there it knows "advance".
 */
public class Launcher {
    public static void main(String[] arguments) throws Exception {
        var answers = System.out;
        System.setOut(System.err); // whatever else writes to standard output
        var server = SQSRestServerBuilder.withInterface("127.0.0.1").withDynamicPort().start();
        answers.println(server.waitUntilStarted().localAddress().getPort());
        var commands = new BufferedReader(new InputStreamReader(System.in));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            var words = line.split(" ");
            if (!words[0].equals("advance")) {
                System.err.println("Launcher: unknown command " + words[0]);
                break;
            }
            NowProvider.advance(Duration.ofNanos(Math.round(Double.parseDouble(words[1]) * 1e9)));
            answers.println("ok");
        }
        Runtime.getRuntime().halt(0);
    }
}
