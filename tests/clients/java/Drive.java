import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.UUID;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.PeopleApi;
import org.openapitools.client.api.SessionsApi;
import org.openapitools.client.model.Credentials;
import org.openapitools.client.model.NewPerson;
import org.openapitools.client.model.Person;
import org.openapitools.client.model.PersonPatch;

/** Works through the client that openapi-generator makes for Java: sign in, list, create, change, walk. */
public class Drive {
    public static void main(String[] arguments) throws Exception {
        var logins = new ObjectMapper().readTree(Path.of(System.getenv("ROUNDTABLE_LOGINS")).toFile());
        var baseUrl = logins.get("base_url").asText();
        var login = logins.get("roles").get("intermediary");
        var email = login.get("email").asText();
        var password = login.get("password").asText();

        // region sign in
        var client = new ApiClient();
        client.updateBaseUri(baseUrl);
        var credentials = new Credentials().email(email).password(password);
        var session = new SessionsApi(client).createSession(
            SessionsApi.APICreateSessionRequest.newBuilder().credentials(credentials).build());
        client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + session.getAccessToken()));
        // endregion

        // region create and change
        var people = new PeopleApi(client);
        var person = people.createPerson(
            PeopleApi.APICreatePersonRequest.newBuilder().newPerson(new NewPerson().name("Ana Ruiz")).build());
        var change = PeopleApi.APIUpdatePersonRequest.newBuilder()
            .id(person.getId())
            .ifMatch("\"" + person.getVersion() + "\"");
        var changed = people.updatePerson(change.personPatch(new PersonPatch().pronouns("she/her")).build());
        // endregion
        check(changed.getVersion() == 2 && changed.getPronouns().equals("she/her"), changed);

        // region change that comes too late
        try {
            people.updatePerson(change.personPatch(new PersonPatch().pronouns("they/them")).build());
            throw new AssertionError("a change on an old version was taken");
        } catch (ApiException refused) {
            var problem = new ObjectMapper().readTree(refused.getResponseBody());
            check(refused.getCode() == 412 && problem.get("code").asText().equals("STALE"), problem);
        }
        // endregion

        // region walk
        var ids = new ArrayList<UUID>();
        String after = null;
        do {
            var page = people.listPeople(
                PeopleApi.APIListPeopleRequest.newBuilder().first(2).after(after).sort("name").build());
            for (Person row : page.getItems()) {
                ids.add(row.getId());
            }
            after = page.getPageInfo().getHasNextPage() ? page.getPageInfo().getEndCursor() : null;
        } while (after != null);
        // endregion
        check(ids.contains(person.getId()) && new HashSet<>(ids).size() == ids.size() && ids.size() > 4, ids);
        System.out.println("java: " + ids.size() + " people walked");
    }

    private static void check(boolean holds, Object seen) {
        if (!holds) {
            throw new AssertionError(String.valueOf(seen));
        }
    }
}
